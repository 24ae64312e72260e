//! From the document to immutable settings and a list of what is wrong in it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::allocation::Allocation;
use super::bucket::seed_prefix;
use super::group::{Algorithm, Group};
use super::segment::{Conditions, Segment};
use super::settings::{
    Campaign, CampaignType, Goal, GoalType, ListedIds, Settings, Variable, Variation, VariationSeed,
};
use super::visitor::VisitorIds;
use super::wire::{
    CampaignWire, GoalWire, GroupWire, Identifier, IdentifierWire, SettingsWire, TYPES,
    VariableWire, VariationWire, weight_of,
};
use crate::document::{Document, List, Object, Texts, Value};
use crate::problem::{Consequence, Place, Problem, Problems, kind_of};
use pythonic::text::strip;

const RUNNING: &str = "RUNNING";
/// The tolerance for the rounding of each weight, in percent.
const ROUNDED_BY: f64 = 0.5;

impl Settings {
    /// Compiles a settings document, JSON in UTF-8.
    ///
    /// [`Settings::problems`] lists the problems of single parts.
    ///
    /// # Errors
    ///
    /// The problems of a document that cannot be used at all: no JSON, no settings, or every
    /// campaign of it broken. At least one.
    pub fn compile(document: &[u8]) -> Result<Self, Problems> {
        let document = Document::parse(document)?;
        let wire = SettingsWire::read(document.value())?;
        let mut compiler = Compiler::new(&wire);
        let place = Place::Document;
        let place = place.key("campaigns");
        for (index, value) in wire.campaigns.iter().enumerate() {
            compiler.add_campaign(&place.index(index), value);
        }
        compiler.finish()
    }
}

struct Compiler<'v> {
    wire: &'v SettingsWire<'v>,
    /// The groups that campaigns refer to, by the text of their id.
    groups: HashMap<Box<str>, Result<usize, ()>>,
    group_wires: Vec<(Identifier, GroupWire<'v>)>,
    campaigns: Vec<Campaign>,
    by_key: HashMap<Arc<str>, usize>,
    keys: Names<Arc<str>>,
    ids: Names<Arc<str>>,
    set_aside: HashSet<Box<str>>,
    texts: Texts,
    conditions: Conditions<'v>,
    problems: Problems,
}

/// Names that are to be given once.
struct Names<N> {
    given: HashSet<N>,
}

impl<N: Eq + std::hash::Hash> Names<N> {
    fn new() -> Self {
        Self {
            given: HashSet::new(),
        }
    }

    /// Records a name, and a problem if another part already has it.
    fn add(
        &mut self,
        name: N,
        place: &Place<'_>,
        key: &str,
        (wanted, found): (&str, &str),
        problems: &mut Problems,
    ) {
        if !self.given.insert(name) {
            let place = place.key(key);
            problems.add(|| place.problem(wanted, found, Consequence::Ambiguous));
        }
    }
}

impl<'v> Compiler<'v> {
    fn new(wire: &'v SettingsWire<'v>) -> Self {
        let mut problems = Problems::default();
        for problem in &wire.problems {
            problems.push(problem.clone());
        }
        Self {
            wire,
            groups: HashMap::new(),
            group_wires: Vec::new(),
            campaigns: Vec::new(),
            by_key: HashMap::new(),
            keys: Names::new(),
            ids: Names::new(),
            set_aside: HashSet::new(),
            texts: Texts::default(),
            conditions: Conditions::default(),
            problems,
        }
    }

    fn add_campaign(&mut self, place: &Place<'_>, value: Value<'v>) {
        let wire = match CampaignWire::read(place, value) {
            Ok(wire) => wire,
            Err(problem) => return self.set_campaign_aside(value, Some(problem)),
        };
        let Ok(group) = self.group_of(&wire.id) else {
            return self.set_campaign_aside(value, None);
        };
        self.remark_on(place, &wire);
        let campaign = self.compile_campaign(place, &wire, group);
        let problems = &mut self.problems;
        let words = ("an id of its own", "that of another campaign");
        let id = Arc::clone(campaign.id.text());
        self.ids.add(id, place, "id", words, problems);
        let words = ("a key of its own", "that of another campaign");
        let key = Arc::clone(&campaign.key);
        self.keys.add(key, place, "key", words, problems);
        if campaign.is_running {
            self.by_key
                .entry(campaign.key.clone())
                .or_insert(self.campaigns.len());
        }
        self.campaigns.push(campaign);
    }

    fn set_campaign_aside(&mut self, value: Value<'_>, problem: Option<Problem>) {
        if let Some(key) = value.get("key").and_then(Value::as_str) {
            self.set_aside.insert(key.into());
        }
        if let Some(problem) = problem {
            self.problems.push(problem);
        }
    }

    /// Takes note of what can be used as it is, and is hardly what was meant.
    fn remark_on(&mut self, place: &Place<'_>, wire: &CampaignWire<'_>) {
        let used = |key: &str, wanted: &str, found: &str| {
            place
                .key(key)
                .problem(wanted, found, Consequence::UsedAsItIs)
        };
        let problems = &mut self.problems;
        if wire.status != RUNNING && strip(wire.status).eq_ignore_ascii_case(RUNNING) {
            let (wanted, found) = (RUNNING, "the same in other letters");
            let place = place.key("status");
            problems.add(|| place.problem(wanted, found, Consequence::CampaignStopped));
        }
        if !wire.campaign_type.is_some_and(|name| TYPES.contains(&name)) {
            let wanted = "VISUAL_AB, FEATURE_TEST or FEATURE_ROLLOUT";
            let found = match wire.campaign_type {
                None => "nothing",
                Some("") => "an empty string",
                Some(_) => "another type",
            };
            problems.add(|| used("type", wanted, found));
        }
        let out_of_bounds = match wire.percent_traffic {
            below if below < 0.0 => Some("a negative number"),
            above if above > 100.0 => Some("a greater one"),
            _ => None,
        };
        if let Some(found) = out_of_bounds {
            problems.add(|| used("percentTraffic", "a number from 0 to 100", found));
        }
    }

    /// The group of the campaign with this id, as an index; an error where it is broken, which
    /// the first campaign of it reports.
    fn group_of(&mut self, campaign_id: &IdentifierWire<'_>) -> Result<Option<usize>, ()> {
        let Some(groups) = &self.wire.campaign_groups else {
            return Ok(None);
        };
        let Some(value) = groups.get(campaign_id.as_str()) else {
            return Ok(None);
        };
        let place = Place::Document;
        let campaign_groups = place.key("campaignGroups");
        let Some(id) = IdentifierWire::read(value) else {
            let place = campaign_groups.key(campaign_id.as_str());
            let (wanted, found) = ("a number or a string", IdentifierWire::found(Some(value)));
            let consequence = Consequence::CampaignSetAside;
            self.problems
                .add(|| place.problem(wanted, found, consequence));
            return Err(());
        };
        if let Some(known) = self.groups.get(id.as_str()) {
            return known.map(Some);
        }
        let text: Box<str> = id.as_str().into();
        let read = self.read_group(&id);
        self.groups.insert(text, read);
        read.map(Some)
    }

    fn read_group(&mut self, id: &IdentifierWire<'_>) -> Result<usize, ()> {
        let place = Place::Document;
        let groups = place.key("groups");
        let place = groups.key(id.as_str());
        let groups = self.wire.groups.as_ref();
        let read = match groups.and_then(|groups| groups.get(id.as_str())) {
            Some(value) => GroupWire::read(&place, value),
            None => Err(place.problem("an object", kind_of(None), Consequence::CampaignSetAside)),
        };
        match read {
            Ok(group) => {
                self.group_wires.push((id.kept(), group));
                Ok(self.group_wires.len() - 1)
            }
            Err(problem) => {
                self.problems.push(problem);
                Err(())
            }
        }
    }

    fn compile_campaign(
        &mut self,
        place: &Place<'_>,
        wire: &CampaignWire<'v>,
        group: Option<usize>,
    ) -> Campaign {
        let id = wire.id.as_str();
        let is_seed_prefixed = self.wire.is_nb || wire.is_bucketing_seed_enabled;
        let user_seed = if is_seed_prefixed {
            seed_prefix(&[id])
        } else {
            seed_prefix(&[])
        };
        let segments = self.compile_segments(&place.key("segments"), wire.segments);
        let variations = self.compile_variations(&place.key("variations"), wire.variations);
        let has_whitelisting = matches!(wire.is_forced_variation_enabled, Some(Value::Bool(true)));
        Campaign {
            id: wire.id.shared(&mut self.texts),
            key: self.texts.share(wire.key),
            name: wire.name.map(|name| self.texts.share(name)),
            campaign_type: wire.campaign_type.map(CampaignType::from_wire),
            is_running: wire.status == RUNNING,
            percent_traffic: wire.percent_traffic,
            segments,
            is_forced_variation_enabled: wire
                .is_forced_variation_enabled
                .map(|value| self.texts.share(&value.to_string())),
            has_whitelisting,
            listed_ids: if wire.is_user_list_enabled {
                ListedIds::All
            } else {
                ListedIds::Raw
            },
            needs_user_storage: wire.is_mab,
            user_seed,
            variation_seed: self.variation_seed(wire),
            allocation: Allocation::from_weights(
                variations.iter().map(|variation| variation.weight),
            ),
            variations,
            goals: self.compile_goals(&place.key("goals"), &wire.goals),
            variables: self.compile_variables(&place.key("variables"), wire.variables),
            group,
        }
    }

    /// Which seed string places a user among the variations.
    fn variation_seed(&self, wire: &CampaignWire<'_>) -> VariationSeed {
        let (is_nb, is_nb_v2) = (self.wire.is_nb, self.wire.is_nb_v2);
        let keeps_oldest = wire.is_ob.is_some_and(Value::is_truthy);
        if (!is_nb && !is_nb_v2) || (is_nb && keeps_oldest) {
            return VariationSeed::Stretched;
        }
        if (is_nb && wire.is_ob.is_none() && !is_nb_v2) || (is_nb_v2 && wire.is_ob_v2.is_some()) {
            return VariationSeed::Unstretched(seed_prefix(&[]));
        }
        VariationSeed::Unstretched(seed_prefix(&[
            wire.id.as_str(),
            self.wire.account_id.as_str(),
        ]))
    }

    fn compile_variations(&mut self, place: &Place<'_>, list: List<'v>) -> Box<[Variation]> {
        let mut variations = Vec::new();
        let (mut ids, mut names) = (Names::new(), Names::new());
        let mut total = 0.0;
        for (index, value) in list.iter().enumerate() {
            let place = place.index(index);
            // It could be read before.
            let Ok(wire) = VariationWire::read(&place, value) else {
                continue;
            };
            let problems = &mut self.problems;
            let id = wire.id.shared(&mut self.texts);
            let words = ("an id of its own", "that of another variation");
            ids.add(Arc::clone(id.text()), &place, "id", words, problems);
            let words = ("a name of its own", "that of another variation");
            names.add(wire.name, &place, "name", words, problems);
            if wire.weight > 100.0 {
                let place = place.key("weight");
                let (wanted, found) = ("a number up to 100", "a greater one");
                problems.add(|| place.problem(wanted, found, Consequence::UsedAsItIs));
            }
            total += wire.weight;
            variations.push(Variation {
                id,
                name: self.texts.share(wire.name),
                weight: wire.weight,
                is_feature_enabled: wire.is_feature_enabled,
                segments: self.compile_segments(&place.key("segments"), wire.segments),
                variables: self.compile_variables(&place.key("variables"), wire.variables),
            });
        }
        if let Some((wanted, found)) = fault_of_weights(variations.len(), total) {
            let consequence = Consequence::UsedAsItIs;
            self.problems
                .add(|| place.problem(wanted, found, consequence));
        }
        variations.into()
    }

    fn compile_goals(
        &mut self,
        place: &Place<'_>,
        list: &Result<List<'v>, Problem>,
    ) -> Box<[Goal]> {
        let list = match list {
            Ok(list) => *list,
            Err(problem) => {
                self.problems.push(problem.clone());
                return Box::default();
            }
        };
        let mut goals = Vec::new();
        let (mut ids, mut identifiers) = (Names::new(), Names::new());
        for (index, value) in list.iter().enumerate() {
            let place = place.index(index);
            let wire = match GoalWire::read(&place, value) {
                Ok(wire) => wire,
                Err(problem) => {
                    self.problems.push(problem);
                    continue;
                }
            };
            let problems = &mut self.problems;
            let id = wire.id.shared(&mut self.texts);
            let words = ("an id of its own", "that of another goal");
            ids.add(Arc::clone(id.text()), &place, "id", words, problems);
            let words = ("an identifier of its own", "that of another goal");
            identifiers.add(wire.identifier, &place, "identifier", words, problems);
            goals.push(Goal {
                id,
                identifier: self.texts.share(wire.identifier),
                goal_type: GoalType::from_wire(wire.goal_type),
                revenue_prop: wire
                    .revenue_prop
                    .filter(|name| !name.is_empty())
                    .map(|name| self.texts.share(name)),
                counts_every_time: wire.mca == Some(-1.0),
                has_props: wire.has_props,
            });
        }
        goals.into()
    }

    fn compile_variables(&mut self, place: &Place<'_>, list: List<'v>) -> Box<[Variable]> {
        let mut variables = Vec::new();
        let mut keys = Names::new();
        for (index, value) in list.iter().enumerate() {
            let place = place.index(index);
            // It could be read before.
            let Ok(wire) = VariableWire::read(&place, value) else {
                continue;
            };
            let problems = &mut self.problems;
            let words = ("a key of its own", "that of another variable");
            keys.add(wire.key, &place, "key", words, problems);
            if !VARIABLE_TYPES.contains(&wire.variable_type) {
                let place = place.key("type");
                let wanted = "string, integer, double, boolean or json";
                let consequence = Consequence::UsedAsItIs;
                problems.add(|| place.problem(wanted, "another type", consequence));
            }
            variables.push(Variable {
                id: wire.id.shared(&mut self.texts),
                key: self.texts.share(wire.key),
                variable_type: self.texts.share(wire.variable_type),
                value: self.texts.share(&wire.value.to_string()),
            });
        }
        variables.into()
    }

    fn compile_segments(
        &mut self,
        place: &Place<'_>,
        segments: Option<Object<'v>>,
    ) -> Option<Segment> {
        let segments = segments.filter(|segments| !segments.is_empty())?;
        let (conditions, problems) = (&mut self.conditions, &mut self.problems);
        Some(Segment::compile_among(
            place, segments, conditions, problems,
        ))
    }

    fn finish(mut self) -> Result<Settings, Problems> {
        if self.campaigns.is_empty() && !self.wire.campaigns.is_empty() {
            return Err(self.problems);
        }
        let running = RunningById::of(&self.campaigns);
        let groups: Box<[Group]> = self
            .group_wires
            .iter()
            .map(|(id, group)| compile_group(id, group, &self.campaigns, &running))
            .collect();
        remark_on_groups(&self.campaigns, &groups, &mut self.problems);
        Ok(Settings {
            version: self.wire.version.kept(),
            account_id: self.wire.account_id.kept(),
            sdk_key: self.wire.sdk_key.map(Into::into),
            is_event_arch_enabled: self.wire.is_event_arch_enabled,
            collection_prefix: self.wire.collection_prefix.map(Into::into),
            visitor_ids: VisitorIds::for_account(self.wire.account_id.as_str()),
            campaigns: self.campaigns.into(),
            by_key: self.by_key,
            set_aside: self.set_aside,
            groups,
            variable_names: self.conditions.into_variable_names(),
            problems: self.problems,
        })
    }
}

/// The types of variables whose values can be read.
const VARIABLE_TYPES: [&str; 5] = ["string", "integer", "double", "boolean", "json"];

/// The problem of this sum of this many weights; `None` if the sum is right.
fn fault_of_weights(count: usize, total: f64) -> Option<(&'static str, &'static str)> {
    if count == 0 {
        return Some(("a variation", "none"));
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "a count of variations is far below 2⁵³"
    )]
    let rounded_by = count as f64 * ROUNDED_BY;
    let found = match total {
        0.0 => "weights of 0",
        less if less < 100.0 - rounded_by => "weights that add up to less",
        more if more > 100.0 + rounded_by => "weights that add up to more",
        _ => return None,
    };
    Some(("weights that add up to 100", found))
}

/// The running campaigns as indices, by their id.
struct RunningById<'c>(HashMap<&'c str, Vec<usize>>);

impl<'c> RunningById<'c> {
    fn of(campaigns: &'c [Campaign]) -> Self {
        let mut by_id: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, campaign) in campaigns.iter().enumerate() {
            if campaign.is_running {
                by_id.entry(campaign.id.as_str()).or_default().push(index);
            }
        }
        Self(by_id)
    }

    fn with_ids(&self, ids: List<'_>) -> Box<[usize]> {
        let with_id = |id: IdentifierWire<'_>| self.0.get(id.as_str());
        let ids = ids.iter().filter_map(IdentifierWire::read);
        ids.filter_map(with_id).flatten().copied().collect()
    }
}

fn compile_group(
    id: &Identifier,
    wire: &GroupWire<'_>,
    campaigns: &[Campaign],
    running: &RunningById<'_>,
) -> Group {
    let members = running.with_ids(wire.campaigns);
    let algorithm = if wire.et == Some(2.0) {
        let weight_of_member = |index: &usize| {
            let id = campaigns.get(*index)?.id.as_str();
            wire.wt.as_ref()?.get(id).map(weight_of)
        };
        Algorithm::Advanced {
            priority: running.with_ids(wire.p),
            weights: members
                .iter()
                .filter_map(|index| Some((*index, weight_of_member(index)?)))
                .collect(),
        }
    } else {
        Algorithm::Random
    };
    Group {
        id: id.clone(),
        name: wire.name.map(Into::into),
        algorithm,
        members,
        seed_prefix: seed_prefix(&[id.as_str()]),
    }
}

/// Takes note of running campaigns whose group does not list them: they win nobody.
fn remark_on_groups(campaigns: &[Campaign], groups: &[Group], problems: &mut Problems) {
    let members: Vec<HashSet<usize>> = groups
        .iter()
        .map(|group| group.members.iter().copied().collect())
        .collect();
    let place = Place::Document;
    let place = place.key("campaignGroups");
    for (index, campaign) in campaigns.iter().enumerate() {
        let group = campaign.group.filter(|_| campaign.is_running);
        let Some(members) = group.and_then(|group| members.get(group)) else {
            continue;
        };
        if !members.contains(&index) {
            let place = place.key(campaign.id.as_str());
            let (wanted, found) = ("a group that lists the campaign", "another one");
            problems.add(|| place.problem(wanted, found, Consequence::UsedAsItIs));
        }
    }
}
