//! Many clients on few names: what each of them saw must have a single order in which every request happened at one
//! moment between its being sent and its being answered. `history` records, `register` judges, and the readers of
//! `versions` check that each sees one version, whole.

mod history;
mod lost;
mod register;
pub mod rounds;
mod versions;
