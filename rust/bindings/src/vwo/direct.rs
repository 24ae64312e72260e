//! Calls that need nothing but the settings and the user, answered without a frame of Python's.
//!
//! A public method is replaced by one that looks at its arguments first. Where they are plain, a
//! [`Direct`] answers; anything else, from a user storage to a mistake, goes to the method as it is
//! written in Python, which has not begun then: nothing was sent, logged or called yet.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::ffi::{CString, c_char};
use std::mem;
use std::ptr::null_mut;
use std::slice;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyCFunction, PyDict, PyFloat, PyInt, PyString, PyTuple, PyType};
use pyo3::{ffi, intern};
use sortition_engine::trace::Silent;
use sortition_engine::vwo::attributes::{Attributes, Value};
use sortition_engine::vwo::decide_by_key;
use sortition_engine::vwo::decision::{
    Call, Decision, GoalRequest, GoalTypeToTrack, Records, Request, Stored,
};
use sortition_engine::vwo::event::{self, Visitor};
use sortition_engine::vwo::reason::Reason;
use sortition_engine::vwo::settings::{CampaignType, GoalType};

use super::PySettings;
use crate::calling::{dictionary, item_at, item_of, make, tuple_of};
use crate::error::{caught, without_panic};
use crate::fork;
use crate::inbox::{Inbox, Kind};

/// The method is to answer as it is written in Python.
struct AsWritten;

/// Answers the plain calls of one client, with one snapshot of its settings and in one process.
#[pyclass(frozen, name = "VwoDirect", module = "sortition._core")]
pub(crate) struct PyDirect {
    settings: Py<PySettings>,
    /// The variables' names by number, so that none is made for a look-up.
    names: Box<[Py<PyString>]>,
    process: u64,
    /// For each level whether the logger takes it, as far as the logger remembers; None where
    /// nothing is logged at that level whatever it says.
    log_levels: Option<Py<PyDict>>,
    /// The logger itself; it remembers nothing while it is disabled.
    logger: Py<PyAny>,
    goal_type_to_track: GoalTypeToTrack,
    /// Takes the events of this process; None where they go another way.
    inbox: Option<Py<Inbox>>,
    result_class: Py<PyType>,
}

#[pymethods]
impl PyDirect {
    #[new]
    fn new(
        py: Python<'_>,
        settings: Py<PySettings>,
        log_levels: Option<Py<PyDict>>,
        logger: Py<PyAny>,
        goal_type_to_track: &str,
        inbox: Option<Py<Inbox>>,
        result_class: Py<PyType>,
    ) -> PyResult<Self> {
        let names = settings.get().settings.variable_names().iter();
        Ok(Self {
            names: names
                .map(|name| PyString::intern(py, name).unbind())
                .collect(),
            settings,
            process: fork::process(),
            log_levels,
            logger,
            goal_type_to_track: GoalTypeToTrack::from_name(goal_type_to_track)
                .ok_or_else(|| PyValueError::new_err("goal_type_to_track: unknown type"))?,
            inbox,
            result_class,
        })
    }

    /// Whether it was made in the process that asks.
    fn is_of_this_process(&self) -> bool {
        self.process == fork::process()
    }
}

/// The arguments of a call, as Python hands them over.
struct Arguments<'a, 'py> {
    py: Python<'py>,
    positional: &'a [*mut ffi::PyObject],
    /// The values of the arguments that have names.
    keywords: &'a [*mut ffi::PyObject],
    names: Option<Bound<'py, PyTuple>>,
}

impl<'a, 'py> Arguments<'a, 'py> {
    /// # Safety
    ///
    /// They are those of a method with `METH_FASTCALL` and `METH_KEYWORDS`.
    unsafe fn of(
        py: Python<'py>,
        first: *const *mut ffi::PyObject,
        count: ffi::Py_ssize_t,
        names: *mut ffi::PyObject,
    ) -> Self {
        let count = usize::try_from(count).unwrap_or_default();
        // SAFETY: the names are a tuple or null.
        let names = unsafe { Bound::from_borrowed_ptr_or_opt(py, names) }
            .and_then(|names| names.cast_into::<PyTuple>().ok());
        let with_names = names.as_ref().map_or(0, PyTupleMethods::len);
        let all = if count + with_names == 0 {
            &[]
        } else {
            // SAFETY: so many follow each other.
            unsafe { slice::from_raw_parts(first, count + with_names) }
        };
        let (positional, keywords) = all.split_at(count);
        Self {
            py,
            positional,
            keywords,
            names,
        }
    }

    fn borrowed(&self, pointer: *mut ffi::PyObject) -> Borrowed<'a, 'py, PyAny> {
        // SAFETY: an argument lives as long as the call.
        unsafe { Borrowed::from_ptr(self.py, pointer) }
    }

    /// The positional arguments, where there are just so many and each is text.
    fn texts<const COUNT: usize>(&self) -> Result<[&'a str; COUNT], AsWritten> {
        let given: &[_; COUNT] = self.positional.try_into().map_err(|_| AsWritten)?;
        let mut texts = [""; COUNT];
        for (text, &pointer) in texts.iter_mut().zip(given) {
            *text = exact_text(self.borrowed(pointer))?;
            if text.is_empty() {
                return Err(AsWritten);
            }
        }
        Ok(texts)
    }

    /// The arguments with names that are in `known`, in its order; None counts as not given.
    fn options<const COUNT: usize>(
        &self,
        known: [&Bound<'py, PyString>; COUNT],
    ) -> Result<[Option<Borrowed<'a, 'py, PyAny>>; COUNT], AsWritten> {
        let mut options = [const { None }; COUNT];
        let Some(names) = &self.names else {
            return Ok(options);
        };
        for (index, &pointer) in self.keywords.iter().enumerate() {
            let name = names.get_borrowed_item(index).map_err(|_| AsWritten)?;
            // The compiler interns them; one that was made otherwise takes the longer way.
            let place = known
                .iter()
                .position(|known| known.as_ptr() == name.as_ptr())
                .ok_or(AsWritten)?;
            let value = self.borrowed(pointer);
            if let Some(option) = options.get_mut(place) {
                *option = (!value.is_none()).then_some(value);
            }
        }
        Ok(options)
    }
}

/// More than most segments ask for.
const KEPT_TEXTS: usize = 6;

/// A dictionary of plain values. What could run the caller's code is not asked, but noted.
struct PlainAttributes<'a, 'py> {
    attributes: Option<Borrowed<'a, 'py, PyDict>>,
    names: &'a [Py<PyString>],
    found: &'a Found<'py>,
}

/// What was found in the dictionaries of one call.
#[derive(Default)]
struct Found<'py> {
    is_strange: Cell<bool>,
    /// Texts that were read, kept so that they need not be copied; those that find no place are.
    texts: [OnceCell<Bound<'py, PyString>>; KEPT_TEXTS],
    kept: Cell<usize>,
}

impl<'py> Found<'py> {
    fn text(&self, text: Bound<'py, PyString>) -> Value<'_> {
        let read = if let Some(place) = self.texts.get(self.kept.get()) {
            self.kept.set(self.kept.get() + 1);
            place.get_or_init(|| text).to_str().map(Cow::Borrowed)
        } else {
            text.to_str().map(|text| Cow::Owned(text.to_owned()))
        };
        read.map_or_else(|_| self.strange(), Value::Text)
    }

    fn strange(&self) -> Value<'static> {
        self.is_strange.set(true);
        Value::Unreadable
    }
}

impl<'a, 'py> PlainAttributes<'a, 'py> {
    fn of(
        option: Option<Borrowed<'a, 'py, PyAny>>,
        names: &'a [Py<PyString>],
        found: &'a Found<'py>,
    ) -> Result<Self, AsWritten> {
        let attributes = match option {
            Some(value) => Some(value.cast_exact::<PyDict>().map_err(|_| AsWritten)?),
            None => None,
        };
        Ok(Self {
            attributes,
            names,
            found,
        })
    }

    fn read(&self, value: Bound<'py, PyAny>) -> Value<'_> {
        let value = match value.cast_into_exact::<PyString>() {
            Ok(text) => return self.found.text(text),
            Err(other) => other.into_inner(),
        };
        if let Ok(boolean) = value.cast_exact::<PyBool>() {
            return Value::Boolean(boolean.is_true());
        } else if let Ok(integer) = value.cast_exact::<PyInt>() {
            if let Ok(integer) = integer.extract() {
                return Value::Integer(integer);
            }
        } else if let Ok(number) = value.cast_exact::<PyFloat>() {
            return Value::Number(number.value());
        } else if value.is_none() {
            return Value::Missing;
        }
        self.found.strange()
    }

    fn value_of(&self, found: PyResult<Option<Bound<'py, PyAny>>>) -> Value<'_> {
        match found {
            Ok(None) => Value::Missing,
            Ok(Some(value)) => self.read(value),
            Err(_) => self.found.strange(),
        }
    }
}

impl Attributes for PlainAttributes<'_, '_> {
    fn get(&self, name: &str) -> Value<'_> {
        match self.attributes {
            Some(attributes) => {
                self.value_of(item_of(&attributes, &PyString::new(attributes.py(), name)))
            }
            None => Value::Missing,
        }
    }

    fn contains(&self, _name: &str) -> bool {
        // Only the properties of an event are asked, and a plain call has none.
        false
    }

    fn get_numbered(&self, number: usize, name: &str) -> Value<'_> {
        match (self.attributes, self.names.get(number)) {
            (Some(attributes), Some(key)) => {
                self.value_of(item_of(&attributes, key.bind(attributes.py())))
            }
            (Some(_), None) => self.get(name),
            (None, _) => Value::Missing,
        }
    }
}

/// No user storage.
struct NoRecords;

impl Records for NoRecords {
    fn find(&self, _campaign_key: &str) -> Stored<'_> {
        Stored::<'_>::NotAsked
    }
}

/// What a call gives besides what names the campaign and the user.
struct Asked<'a> {
    call: Call,
    campaign_key: &'a str,
    user_id: &'a str,
    goal: Option<(&'a str, bool)>,
}

impl PyDirect {
    /// Whether it may answer now: in its own process, and where nobody listens to every decision.
    fn may_answer(&self, py: Python<'_>) -> bool {
        static DEBUG: PyOnceLock<Py<PyInt>> = PyOnceLock::new();
        if !self.is_of_this_process() {
            return false;
        }
        let Some(levels) = &self.log_levels else {
            return true;
        };
        let level = DEBUG.get_or_init(py, || {
            let Ok(level) = 10_i32.into_pyobject(py);
            level.unbind()
        });
        // What the logger does not remember it is asked by whoever logs.
        match item_at(levels.bind(py), level.bind(py)) {
            Ok(Some(takes)) => takes.is(PyBool::new(py, false)),
            Ok(None) => self.is_silent(py),
            Err(_) => false,
        }
    }

    /// Whether the logger is disabled.
    fn is_silent(&self, py: Python<'_>) -> bool {
        let is_disabled = self.logger.bind(py).getattr(intern!(py, "disabled"));
        is_disabled.is_ok_and(|disabled| disabled.is(PyBool::new(py, true)))
    }

    /// Decides; only what is to be logged nowhere but to debug is answered.
    fn decide<'a>(
        &'a self,
        asked: &Asked<'_>,
        custom: Option<Borrowed<'_, '_, PyAny>>,
        targeting: Option<Borrowed<'_, '_, PyAny>>,
    ) -> Result<(&'a PySettings, Decision), AsWritten> {
        let settings = self.settings.get();
        let found = Found::default();
        let custom = PlainAttributes::of(custom, &self.names, &found)?;
        let targeting = PlainAttributes::of(targeting, &self.names, &found)?;
        let nothing = PlainAttributes::of(None, &[], &found)?;
        let request = Request {
            call: asked.call,
            user_id: asked.user_id,
            custom_variables: &custom,
            variation_targeting_variables: &targeting,
            has_user_storage: false,
            records: &NoRecords,
            should_track_returning_user: false,
            goal: asked.goal.map(|(identifier, has_revenue)| GoalRequest {
                identifier,
                type_to_track: self.goal_type_to_track,
                has_revenue,
                event_properties: &nothing,
            }),
        };
        let decision = decide_by_key(
            &settings.settings,
            asked.campaign_key,
            &request,
            &mut Silent,
        );
        if found.is_strange.get() || decision.gave_up_on_pattern || !is_ordinary(decision.reason) {
            return Err(AsWritten);
        }
        Ok((settings, decision))
    }

    /// What takes events.
    fn inbox(&self) -> Result<&Inbox, AsWritten> {
        Ok(self.inbox.as_ref().ok_or(AsWritten)?.get())
    }

    fn get_variation_name(&self, arguments: &Arguments<'_, '_>) -> Result<Py<PyAny>, AsWritten> {
        let py = arguments.py;
        let [campaign_key, user_id] = arguments.texts()?;
        let [custom, targeting] = arguments.options([
            intern!(py, "custom_variables"),
            intern!(py, "variation_targeting_variables"),
        ])?;
        let asked = Asked {
            call: Call::GetVariationName,
            campaign_key,
            user_id,
            goal: None,
        };
        let (settings, decision) = self.decide(&asked, custom, targeting)?;
        Ok(name_of(py, settings, &decision))
    }

    /// Decides and counts the visitor; what to return is made of the decision.
    fn show(
        &self,
        arguments: &Arguments<'_, '_>,
        call: Call,
        returns: impl FnOnce(&PySettings, &Decision) -> Py<PyAny>,
    ) -> Result<Py<PyAny>, AsWritten> {
        let py = arguments.py;
        let inbox = self.inbox()?;
        let [campaign_key, user_id] = arguments.texts()?;
        let [custom, targeting, user_agent, ip_address] = arguments.options([
            intern!(py, "custom_variables"),
            intern!(py, "variation_targeting_variables"),
            intern!(py, "user_agent"),
            intern!(py, "user_ip_address"),
        ])?;
        let who = Who {
            py,
            user_id,
            user_agent: optional_text(user_agent)?,
            ip_address: optional_text(ip_address)?,
        };
        let asked = Asked {
            call,
            campaign_key,
            user_id,
            goal: None,
        };
        let (settings, decision) = self.decide(&asked, custom, targeting)?;
        // Made before anything is taken, so that no fault comes after it.
        let answer = returns(settings, &decision);
        if let Some((campaign, variation)) = settings.assigned(&decision) {
            take(inbox, Kind::Visitor, settings, &who, |visitor| {
                event::impression(visitor, campaign, variation)
            })?;
        }
        Ok(answer)
    }

    fn activate(&self, arguments: &Arguments<'_, '_>) -> Result<Py<PyAny>, AsWritten> {
        self.show(arguments, Call::Activate, |settings, decision| {
            name_of(arguments.py, settings, decision)
        })
    }

    fn is_feature_enabled(&self, arguments: &Arguments<'_, '_>) -> Result<Py<PyAny>, AsWritten> {
        let py = arguments.py;
        self.show(arguments, Call::IsFeatureEnabled, |settings, decision| {
            let is_enabled = settings
                .assigned(decision)
                .is_some_and(|(campaign, variation)| {
                    campaign.campaign_type() != Some(&CampaignType::FeatureTest)
                        || variation.is_feature_enabled() == Some(true)
                });
            PyBool::new(py, is_enabled).to_owned().into_any().unbind()
        })
    }

    fn track(&self, arguments: &Arguments<'_, '_>) -> Result<Py<PyAny>, AsWritten> {
        let py = arguments.py;
        let inbox = self.inbox()?;
        let [campaign_key, user_id, goal_identifier] = arguments.texts()?;
        let [custom, targeting, revenue, user_agent, ip_address] = arguments.options([
            intern!(py, "custom_variables"),
            intern!(py, "variation_targeting_variables"),
            intern!(py, "revenue_value"),
            intern!(py, "user_agent"),
            intern!(py, "user_ip_address"),
        ])?;
        let revenue = revenue.map(plain_number).transpose()?;
        let who = Who {
            py,
            user_id,
            user_agent: optional_text(user_agent)?,
            ip_address: optional_text(ip_address)?,
        };
        let asked = Asked {
            call: Call::Track,
            campaign_key,
            user_id,
            goal: Some((goal_identifier, revenue.is_some())),
        };
        let (settings, decision) = self.decide(&asked, custom, targeting)?;
        let goal = settings
            .assigned(&decision)
            .and_then(|(campaign, variation)| {
                Some((campaign, variation, campaign.goals().get(decision.goal?)?))
            });
        // Made before anything is taken, so that no fault comes after it.
        let key = arguments.positional.first().copied().ok_or(AsWritten)?;
        let answer = make(py, &self.result_class, ()).map_err(|_| AsWritten)?;
        let result = answer.bind(py).cast::<PyDict>().map_err(|_| AsWritten)?;
        let is_credited = PyBool::new(py, goal.is_some());
        result
            .set_item(arguments.borrowed(key), is_credited)
            .map_err(|_| AsWritten)?;
        if let Some((campaign, variation, goal)) = goal {
            let revenue = revenue
                .as_deref()
                .filter(|_| *goal.goal_type() == GoalType::Revenue);
            take(inbox, Kind::Conversion, settings, &who, |visitor| {
                event::conversion(visitor, campaign, variation, goal, revenue)
            })?;
        }
        Ok(answer)
    }
}

/// The user of an event, as a call gives them.
struct Who<'a, 'py> {
    py: Python<'py>,
    user_id: &'a str,
    user_agent: &'a str,
    ip_address: &'a str,
}

/// Makes an event of now and puts it into the inbox, where it has room.
fn take(
    inbox: &Inbox,
    kind: Kind,
    settings: &PySettings,
    who: &Who<'_, '_>,
    encode: impl FnOnce(&Visitor<'_>) -> String,
) -> Result<(), AsWritten> {
    let at_s = now_s(who.py)?;
    let id = settings.settings.visitor_ids().of(who.user_id);
    let event = encode(&Visitor {
        id: &id,
        at_s,
        user_agent: who.user_agent,
        ip_address: who.ip_address,
    });
    if inbox.take(kind, event.as_bytes()) {
        Ok(())
    } else {
        Err(AsWritten)
    }
}

/// The text of a string that is of no derived class.
fn exact_text<'a>(value: Borrowed<'a, '_, PyAny>) -> Result<&'a str, AsWritten> {
    if !value.is_exact_instance_of::<PyString>() {
        return Err(AsWritten);
    }
    // Half of a surrogate pair is no text, and is complained of.
    <&str>::extract(value).map_err(|_| AsWritten)
}

/// The name of the decision's variation, or None.
fn name_of(py: Python<'_>, settings: &PySettings, decision: &Decision) -> Py<PyAny> {
    settings
        .name_of(py, decision)
        .map_or_else(|| py.None(), |name| name.clone_ref(py).into_any())
}

/// Text, or an empty one where there is none.
fn optional_text<'a>(value: Option<Borrowed<'a, '_, PyAny>>) -> Result<&'a str, AsWritten> {
    value.map_or(Ok(""), exact_text)
}

/// A larger revenue is not a readable amount, which the method as written logs.
const AMOUNT_LIMIT: u64 = 1_000_000_000_000_000;

/// A number other than 0 as JSON, where it is an integer or a float and not too large to be sent.
fn plain_number(value: Borrowed<'_, '_, PyAny>) -> Result<String, AsWritten> {
    if let Ok(integer) = value.cast_exact::<PyInt>() {
        let integer: i64 = integer.extract().map_err(|_| AsWritten)?;
        return if integer == 0 || integer.unsigned_abs() >= AMOUNT_LIMIT {
            Err(AsWritten)
        } else {
            Ok(integer.to_string())
        };
    }
    let number = value
        .cast_exact::<PyFloat>()
        .map_err(|_| AsWritten)?
        .value();
    #[expect(
        clippy::cast_precision_loss,
        reason = "a power of ten that binary64 holds exactly"
    )]
    let limit = AMOUNT_LIMIT as f64;
    if number.abs() < limit && number != 0.0 {
        Ok(pythonic::float::repr(number))
    } else {
        Err(AsWritten)
    }
}

/// The time by Python's clock; where it was replaced, as by a test, Python has to ask it.
fn now_s(py: Python<'_>) -> Result<u64, AsWritten> {
    static TIME: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let clock = TIME
        .get_or_try_init(py, || py.import("time").map(Bound::unbind))
        .and_then(|module| module.bind(py).getattr(intern!(py, "time")))
        .map_err(|_| AsWritten)?;
    if !clock.is_exact_instance_of::<PyCFunction>() {
        return Err(AsWritten);
    }
    let now = clock.call0().and_then(|now| now.extract::<f64>());
    let now = now.ok().filter(|&now| now >= 0.0).ok_or(AsWritten)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole seconds since 1970"
    )]
    Ok(now as u64)
}

/// Whether a decision for this reason is nothing that the caller could mend: no more than a debug
/// message tells of it.
const fn is_ordinary(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Whitelisted
            | Reason::Bucketed
            | Reason::SegmentNotMatched
            | Reason::OutsideTraffic
            | Reason::GroupWhitelistedElsewhere
            | Reason::GroupNotWon
            | Reason::NoRange
            | Reason::GoalTypeNotTracked
    )
}

/// What Python calls: the client, the arguments, how many of them have no name, and the names.
type Entry = unsafe extern "C-unwind" fn(
    *mut ffi::PyObject,
    *const *mut ffi::PyObject,
    ffi::Py_ssize_t,
    *mut ffi::PyObject,
) -> *mut ffi::PyObject;

/// A method that is answered so.
struct Method {
    name: &'static str,
    entry: Entry,
    answer: fn(&PyDirect, &Arguments<'_, '_>) -> Result<Py<PyAny>, AsWritten>,
    /// Under which name the class has the method as it is written in Python.
    as_written: &'static str,
}

static METHODS: [Method; 4] = [
    Method {
        name: "get_variation_name",
        entry: enter::<0>,
        answer: PyDirect::get_variation_name,
        as_written: "_get_variation_name_as_written",
    },
    Method {
        name: "activate",
        entry: enter::<1>,
        answer: PyDirect::activate,
        as_written: "_activate_as_written",
    },
    Method {
        name: "track",
        entry: enter::<2>,
        answer: PyDirect::track,
        as_written: "_track_as_written",
    },
    Method {
        name: "is_feature_enabled",
        entry: enter::<3>,
        answer: PyDirect::is_feature_enabled,
        as_written: "_is_feature_enabled_as_written",
    },
];

// While the interpreter exits, Python up to 3.13 ends a thread that comes back to it by unwinding its
// stack: wherever code of Python's runs, these may never return. Rust allows that for functions that
// are declared so, through frames in which nothing is to be dropped or caught.
unsafe extern "C-unwind" {
    fn PyObject_Call(
        callable: *mut ffi::PyObject,
        arguments: *mut ffi::PyObject,
        options: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject;
    fn Py_DecRef(object: *mut ffi::PyObject);
}

/// What is to be done in a frame in which nothing is to be dropped: plain pointers.
#[derive(Clone, Copy)]
enum Next {
    /// Return this; null where an exception is set.
    Return(*mut ffi::PyObject),
    /// Call the method as it is written; it, the arguments and the options, if any, are owned.
    Call {
        method: *mut ffi::PyObject,
        arguments: *mut ffi::PyObject,
        options: *mut ffi::PyObject,
    },
}

/// # Safety
///
/// Only to be called by Python, as a method with `METH_FASTCALL` and `METH_KEYWORDS`.
unsafe extern "C-unwind" fn enter<const INDEX: usize>(
    client: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: as Python hands them over.
    match unsafe { next(&METHODS[INDEX], client, arguments, count, names) } {
        Next::Return(answer) => answer,
        Next::Call {
            method,
            arguments,
            options,
        } => {
            // SAFETY: all of them are objects that are owned here, but for `options`, which may be
            // null, as `PyObject_Call` and `Py_DecRef` allow. Nothing in this frame is to be
            // dropped, should one of the calls end the thread.
            unsafe {
                let answer = PyObject_Call(method, arguments, options);
                Py_DecRef(method);
                Py_DecRef(arguments);
                Py_DecRef(options);
                answer
            }
        }
    }
}

/// Answers where it can. Code of Python's runs in here only as [`calling`](crate::calling) says.
///
/// # Safety
///
/// As for [`enter`].
unsafe fn next(
    method: &Method,
    client: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> Next {
    // SAFETY: Python calls its methods with the interpreter attached.
    let py = unsafe { Python::assume_attached() };
    // SAFETY: as Python hands them over.
    let (client, arguments) = unsafe {
        (
            Borrowed::from_ptr(py, client),
            Arguments::of(py, arguments, count, names),
        )
    };
    // After a panic, which would be a bug of ours, the method as it is written answers or reports.
    let answer = without_panic(|| Ok(answer(method, &client, &arguments).ok()));
    if let Ok(Some(answer)) = answer {
        return Next::Return(answer.into_ptr());
    }
    caught(|| as_written(method, &client, &arguments)).unwrap_or_else(|error| {
        error.restore(py);
        Next::Return(null_mut())
    })
}

fn answer(
    method: &Method,
    client: &Bound<'_, PyAny>,
    arguments: &Arguments<'_, '_>,
) -> Result<Py<PyAny>, AsWritten> {
    let py = client.py();
    let direct = client
        .getattr(intern!(py, "_direct"))
        .map_err(|_| AsWritten)?;
    let direct = direct
        .cast_exact::<PyDirect>()
        .map_err(|_| AsWritten)?
        .get();
    if !direct.may_answer(py) {
        return Err(AsWritten);
    }
    (method.answer)(direct, arguments)
}

/// How to call the method as it is written in Python.
fn as_written(
    method: &Method,
    client: &Bound<'_, PyAny>,
    arguments: &Arguments<'_, '_>,
) -> PyResult<Next> {
    let py = client.py();
    // Of the class: a method that is bound to the client would be an object more.
    let function = client.get_type().getattr(method.as_written)?;
    let positional = arguments
        .positional
        .iter()
        .map(|&pointer| arguments.borrowed(pointer));
    let positional: Vec<_> = std::iter::once(client.clone())
        .chain(positional.map(Borrowed::to_owned))
        .collect();
    let positional = tuple_of(py, positional)?;
    let options = match &arguments.names {
        None => None,
        Some(names) => {
            let options = dictionary(py)?;
            for (name, &pointer) in names.iter().zip(arguments.keywords) {
                options.set_item(name, arguments.borrowed(pointer))?;
            }
            Some(options)
        }
    };
    Ok(Next::Call {
        method: function.into_ptr(),
        arguments: positional.into_ptr(),
        options: options.map_or(null_mut(), Bound::into_ptr),
    })
}

/// Has the calls of a class answered directly where they can be.
///
/// The class keeps its own methods under other names. `document` is what `inspect` and `help` show: the signature and the docstring.
#[pyfunction]
pub(crate) fn answer_directly(
    py: Python<'_>,
    class_: &Bound<'_, PyType>,
    name: &str,
    document: &str,
) -> PyResult<()> {
    let method = METHODS
        .iter()
        .find(|method| method.name == name)
        .ok_or_else(|| PyValueError::new_err("name: no such method"))?;
    let document = CString::new(document)
        .map_err(|_| PyValueError::new_err("document: holds a null character"))?;
    let name = CString::new(name).map_err(|_| PyValueError::new_err("name: null character"))?;
    class_.setattr(method.as_written, class_.getattr(method.name)?)?;
    // SAFETY: the two conventions differ only in what a Rust caller may expect, and Python is none.
    let entry = unsafe { mem::transmute::<Entry, ffi::PyCFunctionFastWithKeywords>(method.entry) };
    // It lives as long as the class, which lives as long as the interpreter.
    let definition = Box::leak(Box::new(ffi::PyMethodDef {
        ml_name: name.into_raw().cast::<c_char>(),
        ml_meth: ffi::PyMethodDefPointer {
            PyCFunctionFastWithKeywords: entry,
        },
        ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
        ml_doc: document.into_raw().cast::<c_char>(),
    }));
    // SAFETY: the class is a type, and the definition is never freed.
    let descriptor = unsafe {
        Bound::from_owned_ptr_or_err(py, ffi::PyDescr_NewMethod(class_.as_type_ptr(), definition))?
    };
    class_.setattr(method.name, descriptor)
}
