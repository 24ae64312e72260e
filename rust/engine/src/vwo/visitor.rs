//! The visitor id that stands for a user on the wire, so that the raw user id never leaves.

use sha1::{Digest, Sha1};
use uuid::{Builder, Uuid};

/// Makes visitor ids for the users of one account.
///
/// A visitor id is a name-based UUID (version 5) in nested namespaces: the URL namespace, then
/// `https://vwo.com`, then the account id as text, then the user id; upper case, no dashes.
///
/// Source: VWO spec, section 9; pinned by the vectors in `vwo/uuid.jsonl`.
///
/// # Examples
///
/// ```
/// use sortition_engine::vwo::visitor::VisitorIds;
///
/// let visitors = VisitorIds::for_account("57558");
/// assert_eq!(visitors.of("Ashley").len(), 32);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct VisitorIds {
    account: Uuid,
}

impl VisitorIds {
    /// The visitor ids of the account with this id.
    #[must_use]
    pub fn for_account(account_id: &str) -> Self {
        let platform = named(&Uuid::NAMESPACE_URL, "https://vwo.com");
        Self {
            account: named(&platform, account_id),
        }
    }

    /// This user's visitor id: 32 hexadecimal digits in upper case.
    #[must_use]
    pub fn of(&self, user_id: &str) -> String {
        let visitor = named(&self.account, user_id);
        let mut digits = [0; 32];
        visitor.simple().encode_upper(&mut digits).to_owned()
    }
}

/// A UUID of version 5, by a SHA-1 that uses what the processor has for it, as that of `uuid` does not.
fn named(namespace: &Uuid, name: &str) -> Uuid {
    let digest = Sha1::new()
        .chain_update(namespace)
        .chain_update(name)
        .finalize();
    let mut bytes = [0; 16];
    for (byte, digested) in bytes.iter_mut().zip(digest) {
        *byte = digested;
    }
    Builder::from_sha1_bytes(bytes).into_uuid()
}
