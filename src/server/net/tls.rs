//! TLS on a connection: decrypts received bytes and encrypts sent ones, without blocking. It works on any `Read` and
//! `Write` that may fail with `WouldBlock`, and knows neither sockets nor HTTP.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

use crate::error::{Error, Result};
use crate::server::admin_path;

/// The files of certificate and key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain, the server's own first, in PEM.
    pub certificate: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
}

impl TlsFiles {
    /// Reads both files. An error names the file.
    fn read(&self) -> Result<Arc<ServerConfig>> {
        let chain = CertificateDer::pem_slice_iter(&admin_path::read(&self.certificate)?)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| without(&self.certificate, CERTIFICATE))?;
        if chain.is_empty() {
            return Err(without(&self.certificate, CERTIFICATE));
        }
        let key = PrivateKeyDer::from_pem_slice(&admin_path::read(&self.key)?)
            .map_err(|_| without(&self.key, KEY))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config = versions
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| self.unfit(&error))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// Returns the error of a certificate and a key that do not fit together.
    fn unfit(&self, error: &rustls::Error) -> Error {
        let (certificate, key) = (self.certificate.display(), self.key.display());
        Error::usage(match error {
            rustls::Error::InconsistentKeys(_) => format!("{key}: is not the key of {certificate}"),
            rustls::Error::InvalidCertificate(_) => format!("{certificate}: {error}"),
            // The error of `ring` for a key that it can parse but not sign with.
            rustls::Error::General(_) => format!(
                "{key}: is a key of a kind that is not supported: use ECDSA P-256 or P-384, Ed25519, or RSA from 2048 bits on"
            ),
            _ => format!("{key}: {error}"),
        })
    }
}

/// What a file must contain, for messages.
const CERTIFICATE: &str = "certificate";
const KEY: &str = "private key without a passphrase";

fn without(file: &Path, what: &str) -> Error {
    Error::usage(format!("{}: holds no {what} in PEM", file.display()))
}

/// The certificate and key of new connections.
pub struct Tls {
    files: TlsFiles,
    config: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads certificate and key.
    pub fn open(files: &TlsFiles) -> Result<Self> {
        Ok(Tls { files: files.clone(), config: RwLock::new(files.read()?) })
    }

    /// Reads the files again; nothing changes until [`Tls::swap`].
    pub fn reopened(&self) -> Result<Arc<ServerConfig>> {
        self.files.read()
    }

    /// Uses the reloaded certificate for new connections.
    pub fn swap(&self, config: Arc<ServerConfig>) {
        *self.config.write() = config;
    }

    /// Starts TLS on a new connection, whose handshake must be complete within `time`.
    pub fn session(&self, time: Duration) -> io::Result<TlsSession> {
        let config = Arc::clone(&self.config.read());
        let connection = ServerConnection::new(config).map_err(io::Error::other)?;
        Ok(TlsSession {
            connection,
            handshake_deadline: Instant::now() + time,
            ended: false,
            is_untouched: true,
        })
    }
}

/// TLS on one connection. Its buffers are bounded: 64 KiB to send, one received record.
#[derive(Debug)]
pub struct TlsSession {
    connection: ServerConnection,
    handshake_deadline: Instant,
    /// Whether the peer has closed its writing side.
    ended: bool,
    /// Whether nothing was received yet.
    pub is_untouched: bool,
}

impl TlsSession {
    /// Returns the remaining time for the handshake; `None` once it is complete.
    pub fn time_left(&self) -> Option<Duration> {
        self.connection
            .is_handshaking()
            .then(|| self.handshake_deadline.saturating_duration_since(Instant::now()))
    }

    /// Gives errors of the handshake the kind `Invalid`.
    pub fn handshake_error(&self, error: io::Error) -> io::Error {
        match error.kind() {
            io::ErrorKind::InvalidData if self.connection.is_handshaking() => {
                Error::invalid("TLS", error.to_string()).into()
            }
            _ => error,
        }
    }

    /// Returns whether encrypted bytes are buffered.
    pub fn wants_write(&self) -> bool {
        self.connection.wants_write()
    }

    /// Takes bytes that were received already.
    pub fn feed(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.is_untouched = false;
            self.connection.read_tls(&mut bytes)?;
        }
        Ok(())
    }

    /// Decrypts what was received. True where there is data to read, or its end.
    pub fn fill(&mut self, wire: &mut (impl Read + Write)) -> io::Result<bool> {
        loop {
            let state = self.connection.process_new_packets().map_err(|error| {
                // Send the alert; the peer may have disconnected, then ignore the error.
                while self.connection.wants_write()
                    && self.connection.write_tls(wire).is_ok_and(|sent| sent > 0)
                {}
                io::Error::new(io::ErrorKind::InvalidData, error)
            })?;
            self.flush(wire)?;
            if state.plaintext_bytes_to_read() > 0 || state.peer_has_closed() || self.ended {
                return Ok(true);
            }
            match self.connection.read_tls(wire) {
                Ok(read) => (self.ended, self.is_untouched) = (read == 0, false),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads what was received; `None` where nothing was. A close without `close_notify` is end of file too: the
    /// framing of a request shows whether it is complete.
    pub fn read(&mut self, wire: &mut (impl Read + Write), buffer: &mut [u8]) -> io::Result<Option<usize>> {
        if !self.fill(wire)? {
            return Ok(None);
        }
        match self.connection.reader().read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Some(0)),
            read => read.map(Some),
        }
    }

    /// Encrypts and sends some of a block; `None` where earlier encrypted bytes are still buffered.
    pub fn write(&mut self, wire: &mut impl Write, block: &[u8]) -> io::Result<Option<usize>> {
        if !self.flush(wire)? {
            return Ok(None);
        }
        let taken = self.encrypt(block)?;
        self.flush(wire)?;
        Ok(Some(taken))
    }

    /// Encrypts some of a block into the buffer, to be sent with the next block.
    pub fn encrypt(&mut self, block: &[u8]) -> io::Result<usize> {
        self.connection.writer().write(block)
    }

    /// Sends the buffered bytes. False where not all of them fit into the socket buffer.
    pub fn flush(&mut self, wire: &mut impl Write) -> io::Result<bool> {
        while self.connection.wants_write() {
            match self.connection.write_tls(wire) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Sends `close_notify`.
    pub fn end(&mut self, wire: &mut impl Write) {
        self.connection.send_close_notify();
        // A peer that does not read sees the close of the connection instead.
        let _ = self.flush(wire);
    }
}
