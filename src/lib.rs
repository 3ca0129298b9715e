//! The modules of the crate: what each one owns, and which others it may import. This file has no code.
//!
//! Every operation has the same shape: a request moves bytes from a **source** through a **filter** into a **sink**.
//!
//! | module | owns | may import |
//! |---|---|---|
//! | [`error`] | the one error enum and its kinds | nothing |
//! | [`io_block`] | page-aligned buffers for reads and writes | nothing |
//! | [`cores`] | how many processors there are | nothing |
//! | [`tcp_options`] | the options of TCP sockets | nothing |
//! | [`text`] | what a word is; search, replace, reverse: bytes in, bytes out | io_block, cores, error |
//! | [`http`] | the wire of HTTP/1.1, both directions, on `Read` and `Write` | io_block, error |
//! | [`attributes`] | what a file is besides its content: owner, permissions, ACL, user attributes | nothing |
//! | [`store`] | named files, atomically; the only module that opens served files | io_block, cores, attributes, error |
//! | [`client`] | the way from a tool to a server: URL, connection, call, operand | io_block, tcp_options, http, attributes, error |
//! | [`server`] | where HTTP meets store and text: listeners, connections, exchanges | io_block, cores, tcp_options, http, store, text, error |
//! | [`cli`] | arguments, the way a program ends | client, error |
//! | [`tools`] | what the programs share beyond one conversation: local files, the terminal, the shell | cli, client, text, http, error |
//!
//! The programs are in `src/bin`, one a file; `cfpd` is a folder of four. `cfpd` imports cli, server and error; a tool imports
//! cli, tools, client, http and error, and a filter also text, for `--local`. Within a module, imports run downwards only:
//!
//! | module | its folders and files, from top to bottom |
//! |---|---|
//! | server | daemon, conn, methods, webdav, resumable, exchange, page, shared, auth, net, observe, status, limits, admin_path |
//! | store | local, contract, entry, name |
//! | client | ops, call, output, login, settings, conn, progress, operand |

pub mod attributes;
pub mod cli;
pub mod client;
pub mod cores;
pub mod error;
pub mod http;
pub mod io_block;
pub mod server;
pub mod store;
pub mod tcp_options;
pub mod text;
pub mod tools;
