//! Certificates (X.509, RFC 5280) of a test's own making, so that no private key is kept anywhere.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OID: u8 = 0x06;
const UTF8: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];

/// Signs certificates.
pub(crate) struct Authority {
    name: &'static str,
    pair: EcdsaKeyPair,
}

impl Authority {
    pub(crate) fn new(name: &'static str) -> Authority {
        Authority { name, pair: pair().1 }
    }

    /// Its own certificate.
    pub(crate) fn pem(&self) -> String {
        let is_authority = tlv(SEQUENCE, &[0x01, 0x01, 0xff]);
        let extension = extension(BASIC_CONSTRAINTS, &is_authority);
        pem("CERTIFICATE", &self.certificate(self.name, &self.pair, &extension))
    }

    /// A certificate for `localhost` in the name of somebody, and its key.
    pub(crate) fn issue(&self, name: &str) -> (String, String) {
        let (pkcs8, pair) = pair();
        let localhost = tlv(SEQUENCE, &tlv(0x82, b"localhost"));
        let extension = extension(SUBJECT_ALT_NAME, &localhost);
        let certificate = self.certificate(name, &pair, &extension);
        (pem("CERTIFICATE", &certificate), pem("PRIVATE KEY", &pkcs8))
    }

    fn certificate(&self, name: &str, pair: &EcdsaKeyPair, extension: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let mut serial = [0; 9];
        random.fill(&mut serial[1..]).unwrap();
        serial[1] |= 1;
        let algorithm = tlv(SEQUENCE, &tlv(OID, ECDSA_WITH_SHA256));
        let time = [tlv(UTC_TIME, b"200101000000Z"), tlv(UTC_TIME, b"490101000000Z")].concat();
        let key = [tlv(OID, EC_PUBLIC_KEY), tlv(OID, P256)].concat();
        let key = [tlv(SEQUENCE, &key), bits(pair.public_key().as_ref())].concat();
        let parts = [
            tlv(0xa0, &tlv(INTEGER, &[2])),
            tlv(INTEGER, if serial[1] < 0x80 { &serial[1..] } else { &serial }),
            algorithm.clone(),
            distinguished(self.name),
            tlv(SEQUENCE, &time),
            distinguished(name),
            tlv(SEQUENCE, &key),
            tlv(0xa3, &tlv(SEQUENCE, extension)),
        ];
        let body = tlv(SEQUENCE, &parts.concat());
        let signature = self.pair.sign(&random, &body).unwrap();
        tlv(SEQUENCE, &[body, algorithm, bits(signature.as_ref())].concat())
    }
}

fn pair() -> (Vec<u8>, EcdsaKeyPair) {
    let (random, algorithm) = (SystemRandom::new(), &ECDSA_P256_SHA256_ASN1_SIGNING);
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap();
    (pkcs8.as_ref().to_vec(), pair)
}

fn distinguished(name: &str) -> Vec<u8> {
    let attribute = [tlv(OID, COMMON_NAME), tlv(UTF8, name.as_bytes())].concat();
    tlv(SEQUENCE, &tlv(SET, &tlv(SEQUENCE, &attribute)))
}

fn extension(id: &[u8], value: &[u8]) -> Vec<u8> {
    tlv(SEQUENCE, &[tlv(OID, id), tlv(OCTET_STRING, value)].concat())
}

fn bits(content: &[u8]) -> Vec<u8> {
    tlv(BIT_STRING, &[&[0], content].concat())
}

/// Tag, length and value (DER), up to 64 KiB.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let n_bytes = content.len();
    let [high, low] = u16::try_from(n_bytes).unwrap().to_be_bytes();
    let length = match n_bytes {
        0..=0x7f => vec![low],
        0x80..=0xff => vec![0x81, low],
        _ => vec![0x82, high, low],
    };
    [vec![tag], length, content.to_vec()].concat()
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}
