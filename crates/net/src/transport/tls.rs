//! Encrypts connections as libp2p's TLS does (its certificates, its checks), with the cipher first that this processor is fast at.
//!
//! libp2p puts ChaCha20 first everywhere; with AES in hardware that costs three times as much processor per byte.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use futures::{AsyncRead, AsyncWrite, FutureExt as _, future::BoxFuture};
use futures_rustls::{
    TlsAcceptor, TlsConnector, TlsStream,
    rustls::{
        self, CipherSuite, ClientConfig, CommonState, DigitallySignedStruct, DistinguishedName, PeerIncompatible,
        ServerConfig, SignatureScheme,
        client::{
            Resumption,
            danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        },
        crypto::CryptoProvider,
        pki_types::{CertificateDer, ServerName, UnixTime},
        server::danger::{ClientCertVerified, ClientCertVerifier},
        version::TLS13,
    },
};
use libp2p::{
    PeerId,
    core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, UpgradeInfo},
    identity::Keypair,
    tls::{self, UpgradeError, certificate},
};

use super::buffered::Buffered;

/// What the provider of ciphers promises.
const COMPLETE: &str = "the provider has ciphers and key exchanges of TLS 1.3";

/// What lanes say that they are, so that neither is taken for a connection of libp2p.
const LANE: &[u8] = b"gridwell/lane/1";

/// Upgrades connections to TLS; as a client and as a server, each proves its key.
#[derive(Clone)]
pub(super) struct Tls {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

impl Tls {
    /// With a certificate for this key.
    pub(super) fn new(keypair: &Keypair) -> Result<Self, certificate::GenError> {
        let (client, server) = (tls::make_client_config(keypair, None)?, tls::make_server_config(keypair)?);
        Ok(Self { server: Arc::new(as_server(&server)), client: Arc::new(as_client(&client)) })
    }

    /// The same for lanes. None is taken up again: there is nothing to be resumed.
    pub(super) fn of_lanes(&self) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
        let (mut client, mut server) = ((*self.client).clone(), (*self.server).clone());
        (client.alpn_protocols, server.alpn_protocols) = (vec![LANE.to_vec()], vec![LANE.to_vec()]);
        client.resumption = Resumption::disabled();
        server.send_tls13_tickets = 0;
        (Arc::new(client), Arc::new(server))
    }
}

fn as_client(libp2p: &ClientConfig) -> ClientConfig {
    let versions = ClientConfig::builder_with_provider(fastest_first(libp2p.crypto_provider()));
    let mut config = versions
        .with_protocol_versions(&[&TLS13])
        .expect(COMPLETE)
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier))
        .with_client_cert_resolver(Arc::clone(&libp2p.client_auth_cert_resolver));
    config.alpn_protocols.clone_from(&libp2p.alpn_protocols);
    config
}

fn as_server(libp2p: &ServerConfig) -> ServerConfig {
    let versions = ServerConfig::builder_with_provider(fastest_first(libp2p.crypto_provider()));
    let mut config = versions
        .with_protocol_versions(&[&TLS13])
        .expect(COMPLETE)
        .with_client_cert_verifier(Arc::new(Verifier))
        .with_cert_resolver(Arc::clone(&libp2p.cert_resolver));
    config.alpn_protocols.clone_from(&libp2p.alpn_protocols);
    // Who has AES in hardware hardly minds ChaCha20; the other way round it is ten times as slow.
    config.ignore_client_order = !has_aes();
    config
}

/// The same ciphers, in the order in which they are wanted here.
fn fastest_first(libp2p: &CryptoProvider) -> Arc<CryptoProvider> {
    let mut provider = libp2p.clone();
    let is_chacha = |suite: CipherSuite| suite == CipherSuite::TLS13_CHACHA20_POLY1305_SHA256;
    provider.cipher_suites.sort_by_key(|suite| is_chacha(suite.suite()) == has_aes());
    provider.into()
}

/// True if this processor computes AES and its checksum by itself.
fn has_aes() -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    let has = std::arch::is_x86_feature_detected!("aes") && std::arch::is_x86_feature_detected!("pclmulqdq");
    #[cfg(target_arch = "aarch64")]
    let has = std::arch::is_aarch64_feature_detected!("aes") && std::arch::is_aarch64_feature_detected!("pmull");
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
    let has = false;
    has
}

impl UpgradeInfo for Tls {
    type Info = &'static str;
    type InfoIter = std::iter::Once<Self::Info>;

    fn protocol_info(&self) -> Self::InfoIter {
        std::iter::once("/tls/1.0.0")
    }
}

impl<C: AsyncRead + AsyncWrite + Send + Unpin + 'static> InboundConnectionUpgrade<C> for Tls {
    type Output = (PeerId, TlsStream<Buffered<C>>);
    type Error = UpgradeError;
    type Future = BoxFuture<'static, Result<Self::Output, Self::Error>>;

    fn upgrade_inbound(self, socket: C, _: Self::Info) -> Self::Future {
        async move {
            let accepting = TlsAcceptor::from(self.server).accept(Buffered::new(socket));
            let stream = accepting.await.map_err(UpgradeError::ServerUpgrade)?;
            Ok((peer_of(stream.get_ref().1)?, stream.into()))
        }
        .boxed()
    }
}

impl<C: AsyncRead + AsyncWrite + Send + Unpin + 'static> OutboundConnectionUpgrade<C> for Tls {
    type Output = (PeerId, TlsStream<Buffered<C>>);
    type Error = UpgradeError;
    type Future = BoxFuture<'static, Result<Self::Output, Self::Error>>;

    fn upgrade_outbound(self, socket: C, _: Self::Info) -> Self::Future {
        async move {
            let connecting = TlsConnector::from(self.client).connect(nobody(), Buffered::new(socket));
            let stream = connecting.await.map_err(UpgradeError::ClientUpgrade)?;
            Ok((peer_of(stream.get_ref().1)?, stream.into()))
        }
        .boxed()
    }
}

/// Who is dialled, for TLS. An address makes that no name is sent, as libp2p wants it.
pub(crate) fn nobody() -> ServerName<'static> {
    ServerName::IpAddress(IpAddr::V4(Ipv4Addr::UNSPECIFIED).into())
}

/// Whose key the other side has proven.
pub(crate) fn peer_of(state: &CommonState) -> Result<PeerId, certificate::ParseError> {
    let certificate = state.peer_certificates().and_then(<[_]>::first).expect("nobody is let in without a certificate");
    certificate::parse(certificate).map(|certificate| certificate.peer_id())
}

/// Takes exactly one certificate, which proves its key as libp2p says.
///
/// Source: the libp2p specification, `tls/tls.md`.
#[derive(Debug)]
struct Verifier;

impl Verifier {
    fn check(end: &CertificateDer<'_>, between: &[CertificateDer<'_>]) -> Result<(), rustls::Error> {
        if !between.is_empty() {
            return Err(rustls::Error::General("more than one certificate".into()));
        }
        certificate::parse(end)?;
        Ok(())
    }

    fn check_signature(
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        certificate::parse(certificate)?.verify_signature(signed.scheme, message, signed.signature())?;
        Ok(HandshakeSignatureValid::assertion())
    }

    /// Nobody gets here: only TLS 1.3 is spoken.
    fn refuse_old() -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    /// What certificates of libp2p are signed with, but for RSA.
    fn schemes() -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::ECDSA_NISTP384_SHA384, SignatureScheme::ED25519]
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        // Whose key it is libp2p compares with whom it dialled.
        Self::check(end, between).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Self::refuse_old()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Self::check_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        Self::schemes()
    }
}

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Self::check(end, between).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Self::refuse_old()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Self::check_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        Self::schemes()
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::compat::TokioAsyncReadCompatExt as _;

    use super::*;

    #[tokio::test]
    async fn each_end_learns_whose_key_the_other_has_over_the_cipher_that_is_fast_here() {
        let (ann, bob) = (Keypair::generate_ed25519(), Keypair::generate_ed25519());
        let (one, other) = tokio::io::duplex(64 * 1024);
        let dial = Tls::new(&ann).unwrap().upgrade_outbound(one.compat(), "");
        let accept = Tls::new(&bob).unwrap().upgrade_inbound(other.compat(), "");

        let (dialled, accepted) = tokio::join!(dial, accept);

        let ((there, stream), (here, _)) = (dialled.unwrap(), accepted.unwrap());
        assert_eq!((here, there), (ann.public().to_peer_id(), bob.public().to_peer_id()));
        let suite = stream.get_ref().1.negotiated_cipher_suite().unwrap().suite();
        assert_eq!(suite == CipherSuite::TLS13_AES_256_GCM_SHA384, has_aes());
    }
}
