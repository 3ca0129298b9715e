//! The tools, each against a real cfpd: one module a program, and one for what goes wrong in all of them alike.

mod cat;
mod failures;
mod get;
mod lost_answers;
mod ls;
mod messages;
mod names;
mod options;
mod outputs;
mod pauses;
mod progress;
mod put;
mod replace;
mod reverse;
mod search;
mod shell;
mod silent_servers;
mod stranger;
mod strangers_files;
mod streams;
mod sync;
mod targets;
mod terminal;
mod users;
mod versions;
