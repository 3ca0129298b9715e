//! Verifies certificates of servers with webpki, and accepts one more kind: a self-signed certificate is by default a
//! CA certificate (`openssl req -x509`), which webpki refuses for a server. It is accepted, as by curl, if it is
//! itself among the trusted certificates. `tls` does the encryption.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// Verifies certificates of servers.
#[derive(Debug)]
pub struct Verifier {
    webpki: Arc<WebPkiServerVerifier>,
    /// The certificates that are trusted, byte for byte.
    trusted: Vec<CertificateDer<'static>>,
}

impl Verifier {
    /// Trusts these certificates and what they have signed. `None` where there are none.
    pub fn new(trusted: Vec<CertificateDer<'static>>, provider: Arc<CryptoProvider>) -> Option<Self> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(trusted.iter().cloned());
        let webpki = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().ok()?;
        Some(Verifier { webpki, trusted })
    }
}

/// Returns whether webpki refused a certificate because it is a CA certificate. It checks the validity period before.
pub fn is_of_authority(error: &CertificateError) -> bool {
    let CertificateError::Other(other) = error else { return false };
    matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.webpki.verify_server_cert(certificate, between, name, ocsp, now) {
            Err(Error::InvalidCertificate(error))
                if is_of_authority(&error) && self.trusted.contains(certificate) =>
            {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustls::pki_types::pem::PemObject;

    use super::*;

    /// A certificate of an authority that signs itself, for a.example, valid for a year from second BEGIN on.
    const PEM: &str = "\
-----BEGIN CERTIFICATE-----\n\
MIIBhDCCASmgAwIBAgIUdXLVoo/mWlA9r2crw8XP56jSOpgwCgYIKoZIzj0EAwIw\n\
DDEKMAgGA1UEAwwBYTAeFw0yNjExMjExODQ4MTFaFw0yNzExMjExODQ4MTFaMAwx\n\
CjAIBgNVBAMMAWEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQgYyJVJsA4CWiU\n\
FHWpv3tJAjwP91+YocrsWUT5NkdHwtqgYXPC8cpHhuj8BXLVMRkKdaReLtG/oN0k\n\
DmyucZrto2kwZzAdBgNVHQ4EFgQUqLzDiZqSCGyGDKitSuIMbTKvkRAwHwYDVR0j\n\
BBgwFoAUqLzDiZqSCGyGDKitSuIMbTKvkRAwDwYDVR0TAQH/BAUwAwEB/zAUBgNV\n\
HREEDTALgglhLmV4YW1wbGUwCgYIKoZIzj0EAwIDSQAwRgIhAJEIHgPOCPnX2uD9\n\
J6uX2m0t1TawSMq5dkCc4Hsc97e/AiEA6hZUrID7WSGMAHGtgHmj1Od1UKjJoUN1\n\
wJ0frXCaO3o=\n\
-----END CERTIFICATE-----\n\
";
    const BEGIN: u64 = 1_795_286_892;

    #[test]
    fn a_certificate_is_taken_where_it_is_trusted_in_its_name_and_in_its_time() {
        let own = CertificateDer::from_pem_slice(PEM.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let rows = [
            ("a.example", BEGIN, ""),
            ("b.example", BEGIN, "not valid for name"),
            ("a.example", BEGIN - 86_400, "not valid yet"),
            ("a.example", BEGIN + 366 * 86_400, "expired"),
        ];
        let verifier = Verifier::new(vec![own.clone()], provider.clone()).unwrap();
        for (name, second, why) in rows {
            let now = UnixTime::since_unix_epoch(Duration::from_secs(second));
            let name = ServerName::try_from(name).unwrap();
            let verified = verifier.verify_server_cert(&own, &[], &name, &[], now);
            let said = verified.map(|_| String::new()).unwrap_or_else(|error| error.to_string());
            assert!(said.is_empty() == why.is_empty() && said.contains(why), "{name:?} {second}: {said}");
        }
        assert!(Verifier::new(Vec::new(), provider).is_none());
    }
}
