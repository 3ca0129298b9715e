//! TLS on a connection to a server, which a sending and a reading thread share: encryption and decryption are done
//! under a lock, which is never held while a thread waits for the network.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, ClientConnection, InvalidMessage, RootCertStore};

use crate::client::Url;
use crate::client::conn::silence::{is_readable, is_ready};
use crate::client::conn::verifier::{Verifier, is_of_authority};
use crate::error::{Error, Result};

/// The trusted certificates: those of the system, or those in a file.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// The file, in PEM.
    pub authorities: Option<PathBuf>,
    /// Read when the first server needs it.
    config: OnceLock<Arc<ClientConfig>>,
}

impl PartialEq for Trust {
    fn eq(&self, other: &Self) -> bool {
        self.authorities == other.authorities
    }
}

impl Eq for Trust {}

impl Trust {
    /// Trusts the certificates in this file, or those of the system.
    pub fn new(authorities: Option<PathBuf>) -> Self {
        Trust { authorities, config: OnceLock::new() }
    }

    fn config(&self) -> Result<Arc<ClientConfig>> {
        if let Some(config) = self.config.get() {
            return Ok(Arc::clone(config));
        }
        let trusted = match &self.authorities {
            Some(file) => read_all(file)?,
            // If the system's cannot be read, no server is trusted, and the error says so.
            None => rustls_native_certs::load_native_certs().certs,
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::usage(format!("TLS: {error}")))?;
        let builder = match Verifier::new(trusted, provider) {
            Some(verifier) => builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)),
            None => builder.with_root_certificates(RootCertStore::empty()),
        };
        let mut config = builder.with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::clone(self.config.get_or_init(|| Arc::new(config))))
    }
}

fn read_all(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let bad = || Error::usage(format!("{}: holds no certificate in PEM", file.display()));
    let bytes = std::fs::read(file).map_err(|error| Error::io(file.as_os_str().as_encoded_bytes(), error))?;
    let mut certificates = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let certificate = certificate.map_err(|_| bad())?;
        RootCertStore::empty().add(certificate.clone()).map_err(|_| bad())?;
        certificates.push(certificate);
    }
    if certificates.is_empty() { Err(bad()) } else { Ok(certificates) }
}

/// A TCP connection with TLS.
#[derive(Debug)]
pub struct TlsStream {
    /// The transport.
    pub tcp: TcpStream,
    session: Mutex<ClientConnection>,
    /// Held while sending, so that records are sent in order.
    sending: Mutex<()>,
}

impl TlsStream {
    /// Performs the handshake. The error says why the server is not trusted, if that is the reason.
    pub fn open(tcp: TcpStream, url: &Url, host: &str, trust: &Trust, until: Instant) -> Result<Self> {
        let bad = || Error::usage(format!("{host}: is not a valid name for a certificate"));
        let name =
            ServerName::try_from(host.split('%').next().unwrap_or_default().to_owned()).map_err(|_| bad())?;
        let mut session = ClientConnection::new(trust.config()?, name)
            .map_err(|error| Error::usage(format!("TLS: {error}")))?;
        while session.is_handshaking() {
            session
                .complete_io(&mut Timed { tcp: &tcp, until })
                .map_err(|error| handshake_error(&url.shown, error))?;
        }
        Ok(TlsStream { tcp, session: Mutex::new(session), sending: Mutex::new(()) })
    }

    /// Returns whether the server has neither closed the connection nor sent anything unrequested. TLS messages between
    /// two responses are processed.
    pub fn is_quiet(&self) -> bool {
        let mut session = self.session();
        while is_ready(&self.tcp) {
            let state = match session.read_tls(&mut &self.tcp) {
                Ok(1..) => session.process_new_packets(),
                _ => return false,
            };
            if state.is_err() {
                return false;
            }
        }
        let state = session.process_new_packets();
        state.is_ok_and(|state| state.plaintext_bytes_to_read() == 0 && !state.peer_has_closed())
    }

    /// Reads decrypted bytes. EOF without `close_notify` is an error: it may be a truncation attack. `wait` waits for
    /// more bytes.
    pub fn read(&self, out: &mut [u8], wait: &dyn Fn() -> io::Result<()>) -> io::Result<usize> {
        loop {
            match self.session().reader().read(out) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
            wait()?;
            let mut session = self.session();
            session.read_tls(&mut &self.tcp)?;
            session
                .process_new_packets()
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        }
    }

    /// Encrypts and sends some of a block.
    pub fn write(&self, block: &[u8]) -> io::Result<usize> {
        let _order = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
        let mut records = Vec::new();
        let mut session = self.session();
        let taken = session.writer().write(block)?;
        while session.wants_write() {
            session.write_tls(&mut records)?;
        }
        drop(session);
        (&self.tcp).write_all(&records)?;
        Ok(taken)
    }

    fn session(&self) -> MutexGuard<'_, ClientConnection> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A socket with a deadline for the handshake.
struct Timed<'a> {
    tcp: &'a TcpStream,
    until: Instant,
}

impl Read for Timed<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let left = self.until.saturating_duration_since(Instant::now());
            if is_readable(self.tcp, left) {
                return self.tcp.read(out);
            }
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        self.tcp.write(block)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns the error of a request in plain HTTP to a server that speaks TLS.
pub(crate) fn speaks_tls(server: &str) -> Error {
    Error::usage(format!("{server}: speaks TLS: use {}", server.replacen("http:", "https:", 1)))
}

/// Maps an error of TLS: an untrusted certificate is permanent, anything else may be transient.
fn handshake_error(url: &str, error: io::Error) -> Error {
    let why = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match why {
        None if error.kind() == io::ErrorKind::TimedOut => {
            Error::interrupted(url, "did not finish the TLS handshake in time (--connect-timeout)")
        }
        Some(rustls::Error::InvalidCertificate(why)) => Error::usage(format!(
            "{url}: its certificate is not trusted: {}; --cacert FILE names those to trust",
            reason(why)
        )),
        // What is no TLS record at all is another error.
        Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            Error::usage(format!("{url}: does not speak TLS: use {}", url.replacen("https:", "http:", 1)))
        }
        Some(why) => Error::interrupted(url, format!("does not speak TLS: {why}")),
        None => Error::interrupted(url, format!("does not speak TLS: {error}")),
    }
}

fn reason(why: &CertificateError) -> String {
    use CertificateError as Why;
    let known = match why {
        Why::Expired | Why::ExpiredContext { .. } => "it has expired",
        Why::NotValidYet | Why::NotValidYetContext { .. } => "it is not valid yet",
        Why::NotValidForName | Why::NotValidForNameContext { .. } => "it is for another name",
        Why::Revoked => "it was revoked",
        Why::UnknownIssuer
        | Why::BadSignature
        | Why::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => "its issuer is not trusted",
        other if is_of_authority(other) => "it is one of an authority, not of a server",
        other => return other.to_string(),
    };
    known.to_owned()
}
