//! Newtype ids, and the rule that derives a row's id from its natural key.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use uuid::Uuid;

/// The namespace of every derived id. Published in `docs/PROTOCOL.md`; it never changes.
pub const DERIVED_ID_NAMESPACE: Uuid = Uuid::from_u128(0x6f2f_98a1_0c5e_5b1c_9d0a_7c61_7973_7461);

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, TS)]
        #[serde(transparent)]
        #[ts(type = "string")]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(/// One person's database on one laptop.
    DeviceId);
id!(/// One person's account.
    UserId);
id!(/// A company or a school.
    OrganizationId);

/// The text that a derived id is made from: `entity:key:key`, where a missing key is `-`.
pub fn natural_key_text<'a>(entity: &str, keys: impl IntoIterator<Item = Option<&'a str>>) -> String {
    let mut text = String::with_capacity(entity.len() + 40 * 3);
    text.push_str(entity);
    for key in keys {
        text.push(':');
        text.push_str(key.unwrap_or("-"));
    }
    text
}

/// The UUIDv5 of a natural key, the same on every device.
pub fn derived_id<'a>(entity: &str, keys: impl IntoIterator<Item = Option<&'a str>>) -> Uuid {
    Uuid::new_v5(&DERIVED_ID_NAMESPACE, natural_key_text(entity, keys).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_keys_give_equal_ids_and_null_is_part_of_a_key() {
        let with_null = derived_id("user_badges", [Some("a"), Some("b"), None]);
        assert_eq!(with_null, derived_id("user_badges", [Some("a"), Some("b"), None]));
        assert_ne!(with_null, derived_id("user_badges", [Some("a"), Some("b"), Some("c")]));
        assert_eq!(natural_key_text("user_badges", [Some("a"), None]), "user_badges:a:-");
    }
}
