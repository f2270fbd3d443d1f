//! The key of a person's database: which secrets unlock it, and which failures it survives.

use crate::support::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use waystation_client::error::ClientError;
use waystation_client::keys::{DeviceSecret, Keys, LaptopSecrets, NoSecrets, OpenKey};
use waystation_model::Code;

fn secret(byte: u8) -> DeviceSecret {
    DeviceSecret { device_id: id(1000 + u128::from(byte)), secret: STANDARD.encode([byte; 32]) }
}

/// Flips one bit of the sealed key in each of these files.
fn flip(laptop: &Laptop, names: &[&str]) {
    for name in names {
        let path = laptop.folder.path().join(name);
        let mut file: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let mut sealed = STANDARD.decode(file["password"]["sealed"].as_str().unwrap()).unwrap();
        sealed[3] ^= 1;
        file["password"]["sealed"] = STANDARD.encode(sealed).into();
        std::fs::write(&path, file.to_string()).unwrap();
    }
}

fn keys(laptop: &Laptop) -> Keys {
    Keys::of(laptop.folder.path(), id(USER), &laptop.environment)
}

fn code(result: Result<OpenKey, ClientError>) -> Code {
    result.err().expect("a refusal").code()
}

#[tokio::test]
async fn the_right_password_opens_and_a_wrong_one_does_not() {
    let laptop = Laptop::new();
    let made = keys(&laptop).make("right", &secret(1)).await.unwrap();
    assert!(made.guarded_by_keyring);
    let opened = keys(&laptop).open("right").await.unwrap();
    assert_eq!(*opened.key, *made.key);
    assert_eq!(code(keys(&laptop).open("wrong").await), Code::CannotUnlock);
    assert_eq!(code(keys(&laptop).open("").await), Code::CannotUnlock);
}

#[tokio::test]
async fn the_file_contains_neither_key_nor_password() {
    let laptop = Laptop::new();
    let made = keys(&laptop).make("right password", &secret(1)).await.unwrap();
    let text = std::fs::read_to_string(laptop.folder.path().join("keys.json")).unwrap();
    assert!(!text.contains("right password") && !text.contains(&STANDARD.encode(*made.key)) && !text.contains(&hex::encode(*made.key)));
}

#[tokio::test]
async fn a_lost_keyring_has_its_own_code_and_the_server_secret_unlocks() {
    let laptop = Laptop::new();
    let made = keys(&laptop).make("right", &secret(1)).await.unwrap();
    laptop.secrets.forget();
    assert_eq!(code(keys(&laptop).open("right").await), Code::NoKeyring);
    let recovered = keys(&laptop).recover("right", &secret(1), &[]).await.unwrap();
    assert_eq!(*recovered.key, *made.key);
    assert_eq!(*keys(&laptop).open("right").await.unwrap().key, *made.key, "both slots are complete again");
}

#[tokio::test]
async fn without_a_keyring_only_the_password_protects_and_this_is_reported() {
    let mut laptop = Laptop::new();
    laptop.environment.secrets = std::sync::Arc::new(NoSecrets);
    let made = keys(&laptop).make("right", &secret(1)).await.unwrap();
    assert!(!made.guarded_by_keyring);
    assert!(!keys(&laptop).open("right").await.unwrap().guarded_by_keyring);
    assert_eq!(code(keys(&laptop).open("wrong").await), Code::CannotUnlock);
}

#[tokio::test]
async fn a_keyring_that_loses_secrets_is_not_used() {
    struct Forgetful;
    impl LaptopSecrets for Forgetful {
        fn get(&self, _entry: &str) -> Option<Vec<u8>> {
            None
        }
        fn set(&self, _entry: &str, _secret: &[u8]) -> Option<()> {
            Some(())
        }
        fn is_available(&self) -> bool {
            true
        }
    }
    let mut laptop = Laptop::new();
    laptop.environment.secrets = std::sync::Arc::new(Forgetful);
    assert!(!keys(&laptop).make("right", &secret(1)).await.unwrap().guarded_by_keyring);
    assert!(keys(&laptop).open("right").await.is_ok());
}

#[tokio::test]
async fn after_a_sign_in_only_the_new_password_unlocks() {
    let laptop = Laptop::new();
    let made = keys(&laptop).make("old", &secret(1)).await.unwrap();
    let recovered = keys(&laptop).recover("new", &secret(1), &[]).await.unwrap();
    assert_eq!(*recovered.key, *made.key);
    assert!(keys(&laptop).open("new").await.is_ok());
    assert_eq!(code(keys(&laptop).open("old").await), Code::CannotUnlock);
}

#[tokio::test]
async fn the_two_newest_device_secrets_unlock() {
    let laptop = Laptop::new();
    let made = keys(&laptop).make("right", &secret(1)).await.unwrap();
    assert_eq!(keys(&laptop).devices(), [id(1001)]);
    for _ in 0..2 {
        keys(&laptop).replace_recovery(&made.key, &secret(2)).unwrap();
        assert_eq!(keys(&laptop).devices(), [id(1002), id(1001)]);
    }
    keys(&laptop).rewrite(&made.key, "right", &secret(2)).await.unwrap();
    assert_eq!(keys(&laptop).devices(), [id(1002), id(1001)], "the same device twice evicts no other slot");
    keys(&laptop).replace_recovery(&made.key, &secret(3)).unwrap();
    assert_eq!(code(keys(&laptop).recover("right", &secret(1), &[]).await), Code::OldPasswordNeeded);
    // The server may return the secret of a device that is no longer the one that signs in.
    let recovered = keys(&laptop).recover("new", &secret(4), &[secret(1).secret, secret(2).secret]).await.unwrap();
    assert_eq!(*recovered.key, *made.key);
    assert_eq!(keys(&laptop).devices(), [id(1004), id(1003)]);
    assert!(keys(&laptop).open("new").await.is_ok());
}

#[tokio::test]
async fn a_slot_copied_to_another_person_unlocks_nothing() {
    let laptop = Laptop::new();
    keys(&laptop).make("right", &secret(1)).await.unwrap();
    let thief = Keys::of(laptop.folder.path(), id(999), &laptop.environment);
    assert_eq!(code(thief.open("right").await), Code::CannotUnlock);
}

#[tokio::test]
async fn a_damaged_file_is_read_from_its_copy_and_two_damaged_ones_are_reported() {
    let laptop = Laptop::new();
    keys(&laptop).make("right", &secret(1)).await.unwrap();
    let (first, copy) = (laptop.folder.path().join("keys.json"), laptop.folder.path().join("keys.copy.json"));
    for damage in [&b""[..], b"{", b"[1,2,3]", &[0; 100_000]] {
        std::fs::write(&first, damage).unwrap();
        assert!(keys(&laptop).open("right").await.is_ok());
    }
    assert!(!std::fs::read(&first).unwrap().is_empty(), "it was written again");
    for path in [&first, &copy] {
        std::fs::write(path, b"{\"version\":1}").unwrap();
    }
    assert_eq!(code(keys(&laptop).open("right").await), Code::StoreDamaged);
}

#[tokio::test]
async fn a_flipped_bit_is_not_reported_as_a_wrong_password() {
    let laptop = Laptop::new();
    let made = keys(&laptop).make("right", &secret(1)).await.unwrap();
    flip(&laptop, &["keys.json"]);
    assert_eq!(*keys(&laptop).open("right").await.unwrap().key, *made.key, "the copy is complete");
    flip(&laptop, &["keys.copy.json"]);
    assert!(keys(&laptop).open("right").await.is_ok(), "the first was written again");
    flip(&laptop, &["keys.json"]);
    assert_eq!(code(keys(&laptop).open("right").await), Code::StoreDamaged);
}

#[tokio::test]
async fn a_file_of_an_earlier_version_is_read_and_checked_from_then_on() {
    let laptop = Laptop::new();
    keys(&laptop).make("right", &secret(1)).await.unwrap();
    for name in ["keys.json", "keys.copy.json"] {
        let path = laptop.folder.path().join(name);
        let mut file: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        file.as_object_mut().unwrap().retain(|name, _| name != "check" && name != "previous");
        file["recovery"].as_object_mut().unwrap().remove("device_id");
        std::fs::write(&path, file.to_string()).unwrap();
    }
    assert!(keys(&laptop).devices().is_empty());
    assert!(keys(&laptop).recover("right", &secret(1), &[]).await.is_ok());
    flip(&laptop, &["keys.json"]);
    assert!(keys(&laptop).open("right").await.is_ok());
}

#[tokio::test]
async fn a_file_with_an_excessive_hashing_cost_is_refused_at_once() {
    let laptop = Laptop::new();
    keys(&laptop).make("right", &secret(1)).await.unwrap();
    let path = laptop.folder.path().join("keys.json");
    let mut file: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    file["password"]["cost"]["memory_kib"] = u32::MAX.into();
    // The format of an earlier version: without a check that would detect the change.
    file["check"] = serde_json::Value::Null;
    std::fs::write(&path, file.to_string()).unwrap();
    assert_eq!(code(keys(&laptop).open("right").await), Code::StoreDamaged);
}

#[tokio::test]
async fn a_crash_during_a_rewrite_leaves_a_readable_file() {
    let laptop = Laptop::new();
    keys(&laptop).make("old", &secret(1)).await.unwrap();
    let (first, copy) = (laptop.folder.path().join("keys.json"), laptop.folder.path().join("keys.copy.json"));
    let old = std::fs::read(&copy).unwrap();
    keys(&laptop).recover("new", &secret(1), &[]).await.unwrap();
    // The first file was written and the copy was not; half of the next file is beside it.
    std::fs::write(&copy, &old).unwrap();
    std::fs::write(laptop.folder.path().join("keys.new"), b"{\"versi").unwrap();
    assert!(keys(&laptop).open("new").await.is_ok());
    // The first file is missing: the older copy still unlocks, with its older password and with the server's secret.
    std::fs::remove_file(&first).unwrap();
    assert!(keys(&laptop).open("old").await.is_ok());
    assert!(keys(&laptop).recover("new", &secret(1), &[]).await.is_ok());
}
