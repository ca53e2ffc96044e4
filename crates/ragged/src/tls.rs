//! How this crate trusts servers: one TLS configuration for all its HTTP clients.

use std::sync::Arc;

use ureq::tls::{RootCerts, TlsConfig};

/// Ring's cryptography, and the certificates that the operating system trusts, so that a user's
/// or a company's own authority counts here as everywhere else.
pub(crate) fn config() -> TlsConfig {
    TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::PlatformVerifier)
        .build()
}
