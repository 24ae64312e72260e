//! The visitor id that stands for a user on the wire, so that the raw user id never leaves.

use uuid::Uuid;

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
        let platform = Uuid::new_v5(&Uuid::NAMESPACE_URL, b"https://vwo.com");
        Self {
            account: Uuid::new_v5(&platform, account_id.as_bytes()),
        }
    }

    /// This user's visitor id: 32 hexadecimal digits in upper case.
    #[must_use]
    pub fn of(&self, user_id: &str) -> String {
        let visitor = Uuid::new_v5(&self.account, user_id.as_bytes());
        let mut digits = [0; 32];
        visitor.simple().encode_upper(&mut digits).to_owned()
    }
}
