//! TLS on a connection: what comes is decrypted, what goes is encrypted, and neither ever waits. It knows no socket,
//! only something to read and to write that may say "would block", and nothing of HTTP.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

use crate::error::{Error, Result};

/// The files an admin named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The certificate, and those between it and one that clients know, in PEM.
    pub certificate: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
}

impl Files {
    /// Reads both files. An error names the file.
    fn read(&self) -> Result<Arc<ServerConfig>> {
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|wrong| unreadable(&self.certificate, wrong, CERTIFICATE))?;
        if chain.is_empty() {
            return Err(unreadable(&self.certificate, pem::Error::NoItemsFound, CERTIFICATE));
        }
        let key =
            PrivateKeyDer::from_pem_file(&self.key).map_err(|wrong| unreadable(&self.key, wrong, KEY))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config = versions
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|wrong| self.unfit(&wrong))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// What is wrong with a pair of which each can be read.
    fn unfit(&self, wrong: &rustls::Error) -> Error {
        let (certificate, key) = (self.certificate.display(), self.key.display());
        Error::usage(match wrong {
            rustls::Error::InconsistentKeys(_) => format!("{key}: is not the key of {certificate}"),
            rustls::Error::InvalidCertificate(_) => format!("{certificate}: {wrong}"),
            // What `ring` says of a key it can read and cannot sign with.
            rustls::Error::General(_) => format!(
                "{key}: is a key of a kind that is not supported: use ECDSA P-256 or P-384, Ed25519, or RSA from 2048 bits on"
            ),
            _ => format!("{key}: {wrong}"),
        })
    }
}

/// What is to be in a file.
const CERTIFICATE: &str = "certificate";
const KEY: &str = "private key without a passphrase";

fn unreadable(file: &Path, wrong: pem::Error, what: &str) -> Error {
    let name = file.as_os_str().as_encoded_bytes();
    match wrong {
        pem::Error::Io(wrong) => Error::io(name, wrong),
        _ => Error::usage(format!("{}: holds no {what} in PEM", file.display())),
    }
}

/// The certificate new connections are shown.
pub struct Tls {
    files: Files,
    config: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads certificate and key.
    pub fn open(files: &Files) -> Result<Self> {
        Ok(Tls { files: files.clone(), config: RwLock::new(files.read()?) })
    }

    /// Reads the files again; nothing changes until [`Tls::swap`].
    pub fn reopened(&self) -> Result<Arc<ServerConfig>> {
        self.files.read()
    }

    /// Has new connections be shown what was read again. Those there are go on.
    pub fn swap(&self, config: Arc<ServerConfig>) {
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// A new connection. What it takes to agree on keys must have come within `time`.
    pub fn session(&self, time: Duration) -> io::Result<Session> {
        let config = Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner));
        let connection = ServerConnection::new(config).map_err(io::Error::other)?;
        Ok(Session { connection, until: Instant::now() + time, ended: false, is_untouched: true })
    }
}

/// One connection. Its buffers are bounded: 64 KiB to be sent, one record to be read.
#[derive(Debug)]
pub struct Session {
    connection: ServerConnection,
    until: Instant,
    /// Whether the peer sends nothing more.
    ended: bool,
    /// Whether nothing has come yet.
    pub is_untouched: bool,
}

impl Session {
    /// What is left of the time to agree on keys; nothing where that is done.
    pub fn time_left(&self) -> Option<Duration> {
        self.connection.is_handshaking().then(|| self.until.saturating_duration_since(Instant::now()))
    }

    /// What went wrong, in the house's words where what came is no TLS, or none that keys can be agreed on by.
    pub fn refused(&self, wrong: io::Error) -> io::Error {
        match wrong.kind() {
            io::ErrorKind::InvalidData if self.connection.is_handshaking() => {
                Error::invalid("TLS", wrong.to_string()).into()
            }
            _ => wrong,
        }
    }

    /// Whether something waits to be sent.
    pub fn holds(&self) -> bool {
        self.connection.wants_write()
    }

    /// Takes what has come, and says whether there is something to read, or the end.
    pub fn fill(&mut self, wire: &mut (impl Read + Write)) -> io::Result<bool> {
        loop {
            let state = self.connection.process_new_packets().map_err(|wrong| {
                // The alert that says what is wrong; a peer that is gone needs none.
                while self.connection.wants_write()
                    && self.connection.write_tls(wire).is_ok_and(|sent| sent > 0)
                {}
                io::Error::new(io::ErrorKind::InvalidData, wrong)
            })?;
            self.flush(wire)?;
            if state.plaintext_bytes_to_read() > 0 || state.peer_has_closed() || self.ended {
                return Ok(true);
            }
            match self.connection.read_tls(wire) {
                Ok(read) => (self.ended, self.is_untouched) = (read == 0, false),
                Err(wrong) if wrong.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(wrong) => return Err(wrong),
            }
        }
    }

    /// Reads what has come; `None` where nothing has. A peer that just goes away ends what it sends as one does that
    /// says so: how long a request is, its own framing says.
    pub fn read(&mut self, wire: &mut (impl Read + Write), buffer: &mut [u8]) -> io::Result<Option<usize>> {
        if !self.fill(wire)? {
            return Ok(None);
        }
        match self.connection.reader().read(buffer) {
            Err(wrong) if wrong.kind() == io::ErrorKind::UnexpectedEof => Ok(Some(0)),
            read => read.map(Some),
        }
    }

    /// Takes some of a block, when what was taken before has gone; `None` where it has not.
    pub fn write(&mut self, wire: &mut impl Write, block: &[u8]) -> io::Result<Option<usize>> {
        if !self.flush(wire)? {
            return Ok(None);
        }
        let taken = self.hold(block)?;
        self.flush(wire)?;
        Ok(Some(taken))
    }

    /// Takes some of a block, to be sent with the next.
    pub fn hold(&mut self, block: &[u8]) -> io::Result<usize> {
        self.connection.writer().write(block)
    }

    /// Sends what was taken; false where there is no room for all of it.
    pub fn flush(&mut self, wire: &mut impl Write) -> io::Result<bool> {
        while self.connection.wants_write() {
            match self.connection.write_tls(wire) {
                Ok(_) => {}
                Err(wrong) if wrong.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(wrong) => return Err(wrong),
            }
        }
        Ok(true)
    }

    /// Says that nothing more will be sent.
    pub fn end(&mut self, wire: &mut impl Write) {
        self.connection.send_close_notify();
        // A peer that takes nothing any more sees the end of the connection instead.
        let _ = self.flush(wire);
    }
}
