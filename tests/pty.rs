//! cfp-shell as a person has it: typed sessions at a real pseudo-terminal, with its keys, its size and its ^C. From a pipe
//! it is tested in `programs/shell.rs`.

mod asking;
mod commands;
mod interrupts;
mod keys;
mod login;
mod names;
mod person;
mod restarts;
mod words;
