//! Decisions of server-side A/B tests.
//!
//! An account's *settings* describe *campaigns*. A campaign has *variations*, of which the first
//! is the control, and *goals*, which measure what the users of each variation do. A decision says
//! which variation a user gets:
//!
//! 1. A targeting rule may give the user a variation outright (*whitelisting*).
//! 2. A stored record keeps a user where they are (*user storage*).
//! 3. *Segments* say who may take part, *traffic* how many of them do: the user's id is hashed
//!    into one of 100 traffic *buckets*.
//! 4. Of a *group* of mutually exclusive campaigns, at most one wins the user.
//! 5. The user's id is hashed into one of 10,000 buckets, which the variations' *weights* divide
//!    into *ranges*.
//!
//! So it is with VWO. `PageSense` calls a campaign an *experiment* and its segments *audiences*, has no
//! whitelisting and no groups, and one hash for both the traffic and the variations; [`pagesense`]
//! has its order.
//!
//! A decision is a pure function: there is no clock, no chance, no input or output and no state in
//! it. What the user storage holds is an argument; where a record is missing, the answer says
//! which one is needed. The same inputs give the same answer.
//!
//! ```
//! use std::collections::HashMap;
//!
//! use sortition_engine::vwo::attributes::Value;
//! use sortition_engine::vwo::reason::Reason;
//! use sortition_engine::trace::Silent;
//! use sortition_engine::vwo::decide_by_key;
//! use sortition_engine::vwo::decision::{Call, Records, Request, Stored};
//! use sortition_engine::vwo::settings::Settings;
//!
//! let document = br#"{
//!     "version": 1, "accountId": 57558, "campaigns": [{
//!         "id": 228, "key": "checkout", "type": "VISUAL_AB", "status": "RUNNING",
//!         "percentTraffic": 100, "goals": [],
//!         "variations": [
//!             {"id": 1, "name": "Control", "weight": 50},
//!             {"id": 2, "name": "One page", "weight": 50}
//!         ]
//!     }]
//! }"#;
//! let settings = Settings::compile(document).expect("a usable document");
//!
//! /// No user storage is configured.
//! struct NoRecords;
//!
//! impl Records for NoRecords {
//!     fn find(&self, _campaign_key: &str) -> Stored<'_> {
//!         Stored::NotAsked
//!     }
//! }
//!
//! let nothing: HashMap<String, Value<'_>> = HashMap::new();
//! let request = Request {
//!     call: Call::Activate,
//!     user_id: "Ashley",
//!     custom_variables: &nothing,
//!     variation_targeting_variables: &nothing,
//!     has_user_storage: false,
//!     records: &NoRecords,
//!     should_track_returning_user: false,
//!     goal: None,
//! };
//! let decision = decide_by_key(&settings, "checkout", &request, &mut Silent);
//! assert_eq!(decision.reason, Reason::Bucketed);
//! assert_eq!(decision.variation, Some(0));
//! ```

#![forbid(unsafe_code)]

pub mod document;
mod fields;
pub mod hash;
pub mod pagesense;
pub mod problem;
pub mod reason;
pub mod trace;
pub mod vwo;
