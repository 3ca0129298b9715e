//! The page in a browser: Debian's Chromium without a window, driven through its driver. What a person sees and does there
//! is told by what the document holds, and by what is stored after it.

mod access;
mod axe;
mod browser;
mod errors;
mod lines;
mod list;
mod panel;
mod pictures;
mod prefix;
mod search;
mod sizes;
mod uploads;
