//! Whether somebody may take a course: by price, purchase, subscription, prerequisites and seats.
//!
//! A course is paid for when it costs nothing, when the person has bought it, or when one of their current subscriptions includes
//! it. Somebody whom the organization has enrolled has been given the course, whatever it costs. Topics marked as free are open
//! without payment, see [`super::unlocking`].
//!
//! Somebody enrolls themselves only in a published course that is public or that they have bought, that is paid for, whose
//! mandatory prerequisites they have completed, and only while their organization has seats for its people.
//!
//! A plan includes every course, or those that its features name: `{"courses": [ids]}`.

use serde_json::Value;

/// A course, as far as it matters for taking it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The course.
    pub course_id: String,
    /// Published and not deleted.
    pub published: bool,
    /// Open to everybody in the organization.
    pub is_public: bool,
    /// The price in minor units.
    pub price_minor: i64,
}

/// What one person has paid for a course.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Paid {
    /// Whether they have bought the course, and the purchase was not refunded.
    pub bought: bool,
    /// Their subscriptions.
    pub subscriptions: Vec<Subscription>,
}

/// One subscription.
#[derive(Debug, Clone, PartialEq)]
pub struct Subscription {
    /// `trialing`, `active`, `past_due`, `cancelled` or `expired`.
    pub status: String,
    /// Its beginning, in milliseconds.
    pub starts_at_ms: i64,
    /// Its end, in milliseconds; none: it goes on.
    pub ends_at_ms: Option<i64>,
    /// The features of its plan. Null where the plan is not known, which only the server always knows.
    pub features: Value,
}

impl Subscription {
    /// Whether it is paid at this moment. The end does not belong to it.
    pub fn is_current(&self, now_ms: i64) -> bool {
        let paid = matches!(self.status.as_str(), "trialing" | "active");
        paid && self.starts_at_ms <= now_ms && self.ends_at_ms.is_none_or(|end| now_ms < end)
    }

    /// Whether its plan includes a course. A list of courses that cannot be read includes none.
    pub fn includes(&self, course_id: &str) -> bool {
        match self.features.as_object().and_then(|features| features.get("courses")) {
            None => true,
            Some(courses) => courses.as_array().is_some_and(|courses| courses.iter().any(|course| course == course_id)),
        }
    }
}

/// The seats of an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seats {
    /// Whether it pays by seat. An organization of the free tier does not.
    pub counts: bool,
    /// Seats bought.
    pub purchased: i64,
    /// People who are neither suspended nor deleted.
    pub used: i64,
}

impl Seats {
    /// Whether there is a seat for everybody.
    pub fn suffice(&self) -> bool {
        !self.counts || self.used <= self.purchased
    }
}

/// Why somebody may not enroll themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The course is not published, or neither public nor bought.
    NotOpen,
    /// It has to be bought or subscribed to.
    Payment,
    /// A mandatory prerequisite is not completed.
    Prerequisite,
    /// The organization has more people than seats.
    Seats,
}

/// Whether a course is paid for by this person.
pub fn is_paid_for(offer: &Offer, paid: &Paid, now_ms: i64) -> bool {
    let includes = |subscription: &Subscription| subscription.is_current(now_ms) && subscription.includes(&offer.course_id);
    offer.price_minor == 0 || paid.bought || paid.subscriptions.iter().any(includes)
}

/// Whether somebody who is enrolled in this way may use what is not free. `enrollment_type` is `self`, `assigned` or `bulk`.
pub fn is_entitled(enrollment_type: &str, offer: &Offer, paid: &Paid, now_ms: i64) -> bool {
    enrollment_type != "self" || is_paid_for(offer, paid, now_ms)
}

/// Whether somebody may enroll themselves. Seats are none where they cannot be counted: then the server decides.
///
/// # Errors
/// The first reason why not.
pub fn may_enroll_oneself(offer: &Offer, paid: &Paid, misses_prerequisite: bool, seats: Option<Seats>, now_ms: i64) -> Result<(), Refusal> {
    if !offer.published || !(offer.is_public || paid.bought) {
        Err(Refusal::NotOpen)
    } else if !is_paid_for(offer, paid, now_ms) {
        Err(Refusal::Payment)
    } else if misses_prerequisite {
        Err(Refusal::Prerequisite)
    } else if seats.is_some_and(|seats| !seats.suffice()) {
        Err(Refusal::Seats)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn offer(price_minor: i64) -> Offer {
        Offer { course_id: "c".into(), published: true, is_public: true, price_minor }
    }

    fn subscription(status: &str, features: Value) -> Subscription {
        Subscription { status: status.into(), starts_at_ms: 10, ends_at_ms: Some(20), features }
    }

    fn subscribed(subscription: Subscription) -> Paid {
        Paid { bought: false, subscriptions: vec![subscription] }
    }

    #[test]
    fn a_subscription_counts_from_its_start_to_before_its_end_while_it_is_paid() {
        let paid = |status: &str, now| is_paid_for(&offer(5), &subscribed(subscription(status, Value::Null)), now);
        assert_eq!([9, 10, 19, 20].map(|now| paid("active", now)), [false, true, true, false]);
        assert_eq!(
            ["trialing", "past_due", "cancelled", "expired", "later_word"].map(|status| paid(status, 15)),
            [true, false, false, false, false]
        );
        let open_end = Subscription { ends_at_ms: None, ..subscription("active", Value::Null) };
        assert!(is_paid_for(&offer(5), &subscribed(open_end), i64::MAX));
    }

    #[test]
    fn a_plan_includes_all_courses_or_those_that_it_names() {
        let includes = |features: Value| subscription("active", features).includes("c");
        for all in [json!({}), json!({"support": "e-mail"}), Value::Null, json!("courses"), json!(["courses"])] {
            assert!(includes(all.clone()), "{all}");
        }
        assert!(includes(json!({"courses": ["d", "c"]})));
        for none in [json!({"courses": []}), json!({"courses": "c"}), json!({"courses": {"c": 1}}), json!({"courses": null})] {
            assert!(!includes(none.clone()), "{none}");
        }
    }

    #[test]
    fn the_first_reason_is_told() {
        let seats = |counts, purchased, used| Some(Seats { counts, purchased, used });
        let may = |offer: &Offer, paid: &Paid, misses, seats| may_enroll_oneself(offer, paid, misses, seats, 15);
        let (none, bought) = (Paid::default(), Paid { bought: true, subscriptions: Vec::new() });
        let hidden = Offer { is_public: false, ..offer(5) };
        assert_eq!(may(&hidden, &none, true, None), Err(Refusal::NotOpen));
        assert_eq!(may(&hidden, &bought, false, None), Ok(()), "bought, so open to this person");
        assert_eq!(may(&Offer { published: false, ..offer(0) }, &bought, false, None), Err(Refusal::NotOpen));
        assert_eq!(may(&offer(5), &none, true, None), Err(Refusal::Payment));
        assert_eq!(may(&offer(0), &none, true, seats(true, 1, 2)), Err(Refusal::Prerequisite));
        assert_eq!(may(&offer(0), &none, false, seats(true, 1, 2)), Err(Refusal::Seats));
        assert_eq!(may(&offer(0), &none, false, seats(false, 1, 2)), Ok(()), "the free tier has no seats");
        assert_eq!(may(&offer(0), &none, false, seats(true, 2, 2)), Ok(()));
    }

    fn any_paid() -> impl Strategy<Value = Paid> {
        let features = prop_oneof![Just(json!({})), Just(json!({"courses": ["c"]})), Just(json!({"courses": ["d"]}))];
        let one = (prop_oneof![Just("active"), Just("trialing"), Just("past_due"), Just("expired")], 0_i64..30, 1_i64..20, features)
            .prop_map(|(status, from, length, features)| Subscription {
                status: status.into(),
                starts_at_ms: from,
                ends_at_ms: Some(from + length),
                features,
            });
        (any::<bool>(), proptest::collection::vec(one, 0..4)).prop_map(|(bought, subscriptions)| Paid { bought, subscriptions })
    }

    proptest! {
        #[test]
        fn paying_more_never_takes_a_course_away(paid in any_paid(), more in any_paid(), price in 0_i64..3, now in 0_i64..40) {
            let mut both = paid.clone();
            both.bought |= more.bought;
            both.subscriptions.extend(more.subscriptions);
            prop_assert!(is_paid_for(&offer(price), &both, now) || !is_paid_for(&offer(price), &paid, now));
        }

        #[test]
        fn what_is_free_and_what_the_organization_gives_needs_no_payment(paid in any_paid(), price in 0_i64..3, now in 0_i64..40) {
            prop_assert!(is_paid_for(&offer(0), &paid, now));
            prop_assert!(is_entitled("assigned", &offer(price), &paid, now) && is_entitled("bulk", &offer(price), &paid, now));
        }

        #[test]
        fn who_may_enroll_is_entitled_afterwards(paid in any_paid(), price in 0_i64..3, now in 0_i64..40, misses: bool) {
            let entitled = is_entitled("self", &offer(price), &paid, now);
            prop_assert!(entitled || may_enroll_oneself(&offer(price), &paid, misses, None, now).is_err());
        }
    }
}
