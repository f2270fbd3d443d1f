//! What somebody has paid and still owes.
//!
//! Each currency has a balance of its own: sums over several would mean nothing. Cancelled and deleted payments count nowhere. Of a
//! partial payment the amount says what was paid; what is missing is a payment of its own, still unpaid.

use std::collections::BTreeMap;

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Its currency, such as `EUR`.
    pub currency: String,
    /// Its amount in minor units.
    pub amount_minor: i64,
    /// `paid`, `unpaid`, `partial` or `cancelled`.
    pub status: String,
    /// Whether it was deleted.
    pub is_deleted: bool,
}

/// A balance in one currency, in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Balance {
    /// What was paid.
    pub paid_minor: i64,
    /// What is still to be paid.
    pub owed_minor: i64,
}

impl Balance {
    /// Paid less owed: negative while something is to be paid.
    pub fn balance_minor(&self) -> i64 {
        self.paid_minor.saturating_sub(self.owed_minor)
    }
}

/// The balance in each currency.
pub fn balances(payments: impl IntoIterator<Item = Payment>) -> BTreeMap<String, Balance> {
    let mut balances: BTreeMap<String, Balance> = BTreeMap::new();
    for payment in payments.into_iter().filter(|payment| !payment.is_deleted) {
        let (paid, owed) = match payment.status.as_str() {
            "paid" | "partial" => (payment.amount_minor, 0),
            "unpaid" => (0, payment.amount_minor),
            _ => continue,
        };
        let balance = balances.entry(payment.currency).or_default();
        balance.paid_minor = balance.paid_minor.saturating_add(paid);
        balance.owed_minor = balance.owed_minor.saturating_add(owed);
    }
    balances
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_payment() -> impl Strategy<Value = Payment> {
        let status = prop_oneof![Just("paid"), Just("unpaid"), Just("partial"), Just("cancelled")];
        (prop_oneof![Just("EUR"), Just("AZN")], 1_i64..1_000, status, any::<bool>()).prop_map(
            |(currency, amount_minor, status, is_deleted)| Payment {
                currency: currency.into(),
                amount_minor,
                status: status.into(),
                is_deleted,
            },
        )
    }

    #[test]
    fn payments_are_summed_by_currency_without_those_that_do_not_count() {
        let pay = |currency: &str, amount_minor, status: &str| Payment {
            currency: currency.into(),
            amount_minor,
            status: status.into(),
            is_deleted: false,
        };
        let deleted = Payment { is_deleted: true, ..pay("EUR", 9, "paid") };
        let all = [pay("AZN", 100, "paid"), pay("AZN", 20, "partial"), pay("AZN", 150, "unpaid"), pay("USD", 7, "cancelled"), deleted];
        let balances = balances(all);
        assert_eq!(balances.keys().collect::<Vec<_>>(), ["AZN"]);
        assert_eq!((balances["AZN"], balances["AZN"].balance_minor()), (Balance { paid_minor: 120, owed_minor: 150 }, -30));
    }

    proptest! {
        #[test]
        fn two_halves_sum_up_to_the_whole_in_any_order(payments in proptest::collection::vec(any_payment(), 0..20), at in 0_usize..20) {
            let (left, right) = payments.split_at(at.min(payments.len()));
            let mut halves = balances(left.to_vec());
            for (currency, more) in balances(right.to_vec()) {
                let balance = halves.entry(currency).or_default();
                balance.paid_minor += more.paid_minor;
                balance.owed_minor += more.owed_minor;
            }
            prop_assert_eq!(&halves, &balances(payments.clone()));
            prop_assert_eq!(&halves, &balances(payments.into_iter().rev()));
        }
    }
}
