//! The tools, each against a real cfpd: one module a program, and one for what goes wrong in all of them alike.

#[cfg(test)]
mod common;

// The attribute is for clippy: what helps a test may unwrap as a test may.
#[cfg(test)]
mod programs {
    mod cat;
    mod failures;
    mod get;
    mod lost_answers;
    mod ls;
    mod names;
    mod options;
    mod outputs;
    mod pauses;
    mod put;
    mod replace;
    mod reverse;
    mod search;
    mod shell;
    mod silent_servers;
    mod stranger;
    mod strangers_files;
    mod streams;
    mod targets;
    mod terminal;
    mod users;
    mod versions;
}
