//! The common parts of both platforms' reasons.

/// A closed list of reasons.
macro_rules! reasons {
    ($($(#[$doc:meta])+ $variant:ident = $name:literal,)+) => {
        /// Why a decision came out as it did.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[$doc])+ $variant,)+
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name both engines give it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

pub(crate) use reasons;

/// The level at which to log the reason of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remark {
    /// Not at all: nothing is decided yet.
    Silent,
    /// To whoever follows single decisions: all is as the settings want it.
    Ordinary,
    /// To whoever runs the service, who can mend it.
    Mistake,
}

impl Remark {
    /// The name both engines give it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Ordinary => "ordinary",
            Self::Mistake => "mistake",
        }
    }
}
