//! Declares the options of cfpd, with the texts of its help and its man page. `config` parses their values.

use cfp::cli::{Completion, HELP, Program, ProgramOption, options};

/// The name of the program, its usage and its options.
pub const PROGRAM: Program = Program {
    name: "cfpd",
    usage: &["[option ...] [DIR] [-- COMMAND [ARG ...]]"],
    about: &[
        "Serves the files beneath a directory over HTTP, with word operations on them.",
        "Without --users and --access any client may do everything, for the hosts localhost, this machine and those of \
         --host. An address that other machines can reach needs --users, or --access rules that name only `*`, or \
         --read-only; and TLS or --insecure-plain. With a COMMAND it listens on a private socket, runs COMMAND with \
         CFP_SERVER set and its own directory first in PATH, and exits with the status of COMMAND.",
    ],
    options: &[NETWORK, RIGHTS, LIMITS, OPERATION, HELP],
    operands: Completion::Directory,
    examples: &[
        "cfpd .",
        "cfpd --read-only --insecure-plain -l :8000 pub",
        "cfpd --config /etc/cfpd/cfpd.conf --check",
        "cfpd -r . -- sh -c 'cfp-ls && cfp-search Rust :notes.txt'",
    ],
};

/// Returns whether an option may stand in a config file. The others choose what cfpd does once.
pub fn may_be_in_file(option: &ProgramOption) -> bool {
    !["--config", "--check", "--explain", "--help", "--version"].contains(&option.long)
}

const NETWORK: &[ProgramOption] = options! {
    /// Serve the files beneath DIR, as the operand does (default: $XDG_DATA_HOME/cfpd, for root /var/lib/cfpd).
    ///
    /// Where $XDG_DATA_HOME is not set it is `~/.local/share`. The default directory is made if it is missing, with mode
    /// 0750; DIR is not.
    "-r", "--root" = "DIR" Directory;
    /// Listen on ADDRESS (default: 127.0.0.1:8398); repeatable. Also [::1]:0 (any free port), :8000 (all addresses), localhost:8000, or unix:PATH[,mode=0660][,group=NAME].
    ///
    /// - `127.0.0.1:8398` is an address and a port.
    /// - `[::1]:0` is the same in IPv6. With port 0 the system chooses one, which the line at start names. A zone is written as in `[fe80::1%eth0]:8398`.
    /// - `:8000` is a port on all addresses of the machine.
    /// - `localhost:8000` is each address that the host name resolves to here.
    /// - `unix:PATH` is a Unix socket; `,mode=OCTAL` and `,group=NAME` may follow.
    ///
    /// An address that other machines can reach is refused without one of --users, --read-only and --access with rules
    /// that name only `*`; and without --tls-cert or --insecure-plain.
    "-l", "--listen" = "ADDRESS";
    /// Speak TLS 1.2 or 1.3 on TCP, with the certificate chain in FILE (PEM).
    ///
    /// The server's own certificate comes first, then the intermediate ones. Unix sockets are not encrypted.
    "", "--tls-cert" = "FILE" File;
    /// Private key of the certificate (PEM); SIGHUP reloads both files.
    ///
    /// It is of ECDSA P-256 or P-384, Ed25519, or RSA with at least 2048 bits. A reload does not interrupt connections.
    "", "--tls-key" = "FILE" File;
    /// Tell browsers to use only TLS for this host for that long.
    ///
    /// Every answer over TLS carries `Strict-Transport-Security`; 0 revokes it.
    "", "--hsts" = "SECONDS";
};

const RIGHTS: &[ProgramOption] = options! {
    /// Require a user name and password from FILE, made with htpasswd -B.
    ///
    /// See `Users` below.
    "", "--users" = "FILE" File;
    /// Allow what the rules in FILE allow, see cfpd-access(5).
    ///
    /// Without this option any user may do everything if there are --users, and any client if there are none.
    "", "--access" = "FILE" File;
    /// Without --users, also answer requests for the host NAME; repeatable.
    ///
    /// The port does not matter. Other requests must be for `localhost`, a loopback address, a name of this machine (the one
    /// of gethostname(2), by itself and with `.local`, and those in `/etc/hosts`) or the address that the client connected
    /// to; otherwise the answer is 421. A web page whose name resolves to this machine could otherwise read and change what is
    /// served (DNS rebinding). Behind a proxy that passes on the `Host` of its clients, give that name. On a Unix socket, and
    /// in HTTP/1.0, any host is answered.
    "", "--host" = "NAME" Host;
    /// Allow unencrypted passwords and files on addresses that other machines can reach.
    ///
    /// For a trusted network, or behind a proxy that encrypts.
    "", "--insecure-plain";
    /// Refuse every change.
    ///
    /// The status is 403. Nothing is written beneath the root: no digest is kept with a file, and temporary files that an
    /// earlier process left are not removed.
    "", "--read-only";
    /// Take the client's address from proxies at these addresses; `unix:` is any proxy on a Unix socket; repeatable.
    ///
    /// A proxy is trusted if its address has the first BITS bits of ADDR (all of them without BITS). The client is the last
    /// address in `X-Forwarded-For` or `Forwarded` that is not such a proxy: for the log, for --max-per-address and for
    /// throttling logins. `X-Forwarded-Proto` or `Forwarded` gives the scheme of its URLs. A request in which the two fields
    /// name different clients is refused with 400, since one of them is the client's own: configure the proxy to set one and
    /// to remove the other.
    ///
    /// A connection from such a proxy may also begin with a PROXY header, version 1 or 2, as a proxy sends it that does not
    /// speak HTTP: `send-proxy-v2` of haproxy, `proxy_protocol` of nginx. It is found by its first bytes, before TLS. All
    /// requests of the connection are then of the client that it names, the connection counts for --max-per-address, and the
    /// fields are ignored, as they are the client's own. On a Unix socket such a client never has the rights of
    /// `local:NAME`. A malformed header closes the connection.
    "", "--trusted-proxy" = "ADDR/BITS";
    /// Serve beneath PATH, as /files, for a site that has other things beside it.
    ///
    /// Requests begin with PATH, and so do `Destination` and every link and `Location` of an answer; anything else is answered
    /// 404. The proxy of the site passes paths on as they are. The tools need PATH in their URL, as in
    /// `https://example.org/files`, which a Unix socket does not have. Names in rules, messages and lists are without it.
    "", "--prefix" = "PATH";
    /// Answer a PROPFIND for everything beneath a directory, which is refused otherwise.
    ///
    /// Without it, a WebDAV client that sends `Depth: infinity` is answered 403 with `propfind-finite-depth`, and asks
    /// directory by directory. The answer is sent while the directories are read; the rules apply as in a list.
    "", "--dav-infinity";
};

const LIMITS: &[ProgramOption] = options! {
    /// Serve at most N connections at once (default: 1024).
    ///
    /// A further one is answered 503 with `Retry-After`, or closed where it begins with TLS.
    "", "--max-connections" = "N";
    /// Serve at most N connections from one address (default: no limit).
    ///
    /// A further one is answered 503 with `Retry-After`, or closed where it begins with TLS. Of an IPv6 address the first 64
    /// bits count; Unix sockets do not. Behind a proxy all clients have its address, unless --trusted-proxy names it: then the
    /// requests in progress of each client count.
    "", "--max-per-address" = "N";
    /// Refuse files and request bodies larger than SIZE (default: 1T); a number, with or without K, M, G or T.
    ///
    /// The status is 413. The suffixes, in either case, are powers of 1024.
    "", "--max-file-size" = "SIZE";
    /// Refuse bodies and files that decompress to more than N times their size (default: no limit).
    ///
    /// The status is 413. The first 64 KiB are always decompressed. There is no limit by default, since an image of zeros is
    /// a legitimate upload; --max-file-size applies in any case.
    "", "--max-ratio" = "N";
    /// Refuse what would leave less than SIZE free on the file system (default: 0).
    ///
    /// An upload or a copy is then answered 507. Temporary data of requests leaves as much free, and everything that is being
    /// written at the same time counts together. SIZE is written as above.
    "", "--keep-free" = "SIZE";
    /// Limit temporary data of requests to SIZE (default: a tenth of the file system).
    ///
    /// An answer that its client does not read while it sends is kept on the disk, in at most a quarter of SIZE; beyond that,
    /// the rest of the request is read when the client reads. A body whose words are reversed as a whole is kept there, too;
    /// if it does not fit, the answer is 507.
    "", "--max-spool" = "SIZE";
    /// Keep small files that are requested again in memory, in at most SIZE (default: 8M); 0 keeps none.
    ///
    /// Files of up to 64K are kept, on ext4, XFS, Btrfs and F2FS. Before each answer the file is looked up by its name, so
    /// that every change is seen at once.
    "", "--file-cache" = "SIZE";
    /// Close a connection whose request head takes longer than this to arrive (default: 10).
    "", "--header-timeout" = "SECONDS";
    /// Close a connection that is idle, or whose transfer stalls, for this long (default: 60).
    "", "--idle-timeout" = "SECONDS";
    /// Close a connection that transfers less than BYTES a second for long (default: 500); 0 disables the check.
    ///
    /// This applies to request bodies and to answers. Time spent waiting for the client is deducted from --idle-timeout, and
    /// every BYTES transferred restore one second of it: at half the rate a client is disconnected after twice that time.
    "", "--min-rate" = "BYTES";
    /// Keep an interrupted upload for this long after its last byte, so that its client can resume it (default: 86400).
    ///
    /// It survives a restart. It is kept in `.cfpd-uploads` at the top of the served directory, where no client sees it, and
    /// only on a file system with extended attributes.
    "", "--partial-ttl" = "SECONDS";
    /// Keep at most N uploads that clients can resume (default: 1000).
    ///
    /// Further uploads are accepted, but have to start over if they are interrupted.
    "", "--max-partials" = "N";
};

const OPERATION: &[ProgramOption] = options! {
    /// Read options from FILE too, one a line, as `max-connections 500`; see cfpd.conf(5).
    ///
    /// An option that is given on the command line, or a DIR for `root`, replaces the lines of FILE that have the same name.
    "", "--config" = "FILE" File;
    /// Answer a write before it is on the disk.
    ///
    /// Without this option a write is answered after its content and its directory entry are synced, so that it survives a
    /// loss of power. A warning is printed at start.
    "", "--no-sync";
    /// Other daemons serve the same files too, on this machine or on others that mount them.
    ///
    /// Names are locked between all of them, by byte ranges of the file `.cfpd-locks` at the top of the served directory, so
    /// that what a condition such as If-Match promises holds between them. Give it to each of them. It is refused where the
    /// file system cannot lock files. Two daemons of one machine that serve one directory by the same mount find each other
    /// and need no option.
    "", "--shared";
    /// Send at most BYTES of a file at a time.
    ///
    /// Without this option the system takes as much as it can.
    "", "--send-size" = "BYTES";
    /// Search directories, and search, replace in or reverse large files with at most N threads, over all requests (default: the
    /// number of cores).
    ///
    /// Each request has at least one of its own.
    "", "--scan-jobs" = "N";
    /// Append a line for each request to FILE; `-` is standard error.
    ///
    /// Errors go there too. SIGHUP reopens the file. If it cannot be written, standard error says so once, and when it can be
    /// again. Without this option requests are logged only where standard error is a terminal, and there is no COMMAND.
    "", "--log" = "FILE" File;
    /// Write the log as combined (default) or json, one object a line.
    ///
    /// The combined format is that of web servers. An object for a request has the members `time`, `peer`, `connection`,
    /// `user`, `method`, `target`, `status`, `bytes`, `duration_ms`, `filter`, `referer` and `user_agent`. One for a client
    /// that was turned away, or sent no valid request, has `time`, `peer`, `status` and `refused`; one for a refused login
    /// has `refused_login` with the user's name instead; any other has `time` and `message`. A client that disconnected before
    /// it was answered has the status 499. Control characters and bytes that are not UTF-8 are written as `\xNN`, and in the
    /// combined format quotes and backslashes too.
    "", "--log-format" = "FORMAT" Choice(["combined", "json"]);
    /// Run in the background; the command returns once clients can connect.
    ///
    /// The exit status is 0 then. The daemon has a session of its own and no terminal; its messages go to the log only.
    "", "--background";
    /// Write the process ID to FILE once clients can connect, and remove it at the end.
    ///
    /// A FILE that holds anything else is left alone, and so is the one of a running cfpd; another does not start then.
    "", "--pid-file" = "FILE" File;
    /// Run as this user once the sockets are bound.
    ///
    /// The group is GROUP, or the user's own. The served directory, the log and the files of --users, --access,
    /// --tls-cert and --tls-key are opened as this user; the pid file is written before. At the end the pid file and Unix
    /// sockets are removed if this user may write in their directories, and otherwise replaced at the next start.
    "", "--run-as" = "USER[:GROUP]" User;
    /// On SIGTERM or SIGINT let requests finish for this long (default: 8).
    ///
    /// With 0 they are aborted at once.
    "", "--grace" = "SECONDS";
    /// Report everything that is wrong with the options and the files they name, and start nothing.
    ///
    /// Every bad line of each file is named. The exit status is 2 if something is wrong.
    "", "--check";
    /// Print which rule decides; exit 0 if it allows the access. USER is a name, local:NAME, @users, or `-` for anyone.
    ///
    /// The question is whether USER may do VERB to NAME with the other options given; nothing is started. `local:NAME` is a
    /// peer on a Unix socket, `@users` a user whom no rule names. VERB and NAME are written as in cfpd-access(5). For a
    /// directory, written with its final slash, the verbs read, replace and delete include everything in it. The exit status
    /// is 1 if the access is denied.
    "", "--explain" = "USER VERB NAME" Rule;
};
