//! From the document to immutable settings and a list of what is wrong in it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::allocation::Allocation;
use super::bucket::seed_prefix;
use super::group::{Algorithm, Group};
use super::segment::{Conditions, Segment};
use super::settings::{
    Campaign, CampaignType, Goal, GoalType, Settings, Variable, Variation, VariationSeed,
};
use super::visitor::VisitorIds;
use super::wire::{
    CampaignWire, GoalWire, GroupWire, Identifier, SettingsWire, VariableWire, VariationWire,
};
use crate::document::{Texts, is_truthy, parse};
use crate::problem::{Consequence, Place, Problem, kind_of};

const RUNNING: &str = "RUNNING";

impl Settings {
    /// Compiles a settings document, JSON in UTF-8.
    ///
    /// What is wrong in a part of it is listed in [`Settings::problems`].
    ///
    /// # Errors
    ///
    /// The problems of a document that cannot be used at all: no JSON, no settings, or every
    /// campaign of it broken. At least one.
    pub fn compile(document: &[u8]) -> Result<Self, Vec<Problem>> {
        let value = parse(document).map_err(|problem| vec![problem])?;
        let wire = SettingsWire::read(&value).map_err(|problem| vec![problem])?;
        let mut compiler = Compiler::new(&wire)?;
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
    set_aside: HashSet<Box<str>>,
    texts: Texts,
    conditions: Conditions<'v>,
    problems: Vec<Problem>,
}

impl<'v> Compiler<'v> {
    fn new(wire: &'v SettingsWire<'v>) -> Result<Self, Vec<Problem>> {
        let place = Place::Document;
        if let Some(groups) = wire.groups
            && !groups.is_object()
            && is_truthy(groups)
        {
            let found = kind_of(Some(groups));
            let problem =
                place
                    .key("groups")
                    .problem("an object", found, Consequence::DocumentRefused);
            return Err(vec![problem]);
        }
        Ok(Self {
            wire,
            groups: HashMap::new(),
            group_wires: Vec::new(),
            campaigns: Vec::with_capacity(wire.campaigns.len()),
            by_key: HashMap::with_capacity(wire.campaigns.len()),
            set_aside: HashSet::new(),
            texts: Texts::default(),
            conditions: Conditions::default(),
            problems: Vec::new(),
        })
    }

    fn add_campaign(&mut self, place: &Place<'_>, value: &'v Value) {
        let wire = match CampaignWire::read(place, value) {
            Ok(wire) => wire,
            Err(problem) => return self.set_campaign_aside(value, Some(problem)),
        };
        let Ok(group) = self.group_of(&wire.id) else {
            return self.set_campaign_aside(value, None);
        };
        let campaign = self.compile_campaign(place, &wire, group);
        if campaign.is_running {
            self.by_key
                .entry(campaign.key.clone())
                .or_insert(self.campaigns.len());
        }
        self.campaigns.push(campaign);
    }

    fn set_campaign_aside(&mut self, value: &Value, problem: Option<Problem>) {
        if let Some(key) = value.get("key").and_then(Value::as_str) {
            self.set_aside.insert(key.into());
        }
        self.problems.extend(problem);
    }

    /// The group of the campaign with this id, as an index; an error where it is broken, which
    /// the first campaign of it reports.
    fn group_of(&mut self, campaign_id: &Identifier) -> Result<Option<usize>, ()> {
        let Some(groups) = self.wire.campaign_groups else {
            return Ok(None);
        };
        let Some(value) = groups.get(campaign_id.as_str()) else {
            return Ok(None);
        };
        let place = Place::Document;
        let campaign_groups = place.key("campaignGroups");
        let Some(id) = Identifier::from_json(value) else {
            self.problems
                .push(campaign_groups.key(campaign_id.as_str()).problem(
                    "a number or a string",
                    kind_of(Some(value)),
                    Consequence::CampaignSetAside,
                ));
            return Err(());
        };
        if let Some(known) = self.groups.get(id.as_str()) {
            return known.map(Some);
        }
        let text: Box<str> = id.as_str().into();
        let read = self.read_group(id);
        self.groups.insert(text, read);
        read.map(Some)
    }

    fn read_group(&mut self, id: Identifier) -> Result<usize, ()> {
        let place = Place::Document;
        let groups = place.key("groups");
        let place = groups.key(id.as_str());
        let value = self.wire.groups.and_then(|groups| groups.get(id.as_str()));
        let read = match value {
            Some(value) => GroupWire::read(&place, value),
            None => Err(place.problem("an object", kind_of(None), Consequence::CampaignSetAside)),
        };
        match read {
            Ok(group) => {
                self.group_wires.push((id, group));
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
        let variations_place = place.key("variations");
        let variations: Vec<Variation> = wire
            .variations
            .iter()
            .enumerate()
            .map(|(index, variation)| {
                let place = variations_place.index(index);
                self.compile_variation(&place, variation)
            })
            .collect();
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
            has_whitelisting: wire.is_forced_variation_enabled == Some(&Value::Bool(true)),
            needs_user_storage: wire.is_mab,
            user_seed,
            variation_seed: self.variation_seed(wire),
            allocation: Allocation::from_weights(
                variations.iter().map(|variation| variation.weight),
            ),
            variations: variations.into(),
            goals: wire
                .goals
                .iter()
                .map(|goal| self.compile_goal(goal))
                .collect(),
            variables: self.compile_variables(&wire.variables),
            group,
        }
    }

    /// Which seed string places a user among the variations.
    fn variation_seed(&self, wire: &CampaignWire<'_>) -> VariationSeed {
        let (is_nb, is_nb_v2) = (self.wire.is_nb, self.wire.is_nb_v2);
        let keeps_oldest = wire.is_ob.is_some_and(is_truthy);
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

    fn compile_variation(&mut self, place: &Place<'_>, wire: &VariationWire<'v>) -> Variation {
        Variation {
            id: wire.id.shared(&mut self.texts),
            name: self.texts.share(wire.name),
            weight: wire.weight,
            is_feature_enabled: wire.is_feature_enabled,
            segments: self.compile_segments(&place.key("segments"), wire.segments),
            variables: self.compile_variables(&wire.variables),
        }
    }

    fn compile_goal(&mut self, wire: &GoalWire<'_>) -> Goal {
        Goal {
            id: wire.id.shared(&mut self.texts),
            identifier: self.texts.share(wire.identifier),
            goal_type: GoalType::from_wire(wire.goal_type),
            revenue_prop: wire
                .revenue_prop
                .filter(|name| !name.is_empty())
                .map(|name| self.texts.share(name)),
            counts_every_time: wire.mca == Some(-1.0),
            has_props: wire.has_props,
        }
    }

    fn compile_variables(&mut self, wires: &[VariableWire<'_>]) -> Box<[Variable]> {
        wires
            .iter()
            .map(|wire| Variable {
                id: wire.id.shared(&mut self.texts),
                key: self.texts.share(wire.key),
                variable_type: self.texts.share(wire.variable_type),
                value: self.texts.share(&wire.value.to_string()),
            })
            .collect()
    }

    fn compile_segments(
        &mut self,
        place: &Place<'_>,
        segments: Option<&'v Map<String, Value>>,
    ) -> Option<Segment> {
        let segments = segments.filter(|segments| !segments.is_empty())?;
        let (conditions, problems) = (&mut self.conditions, &mut self.problems);
        Some(Segment::compile_among(
            place, segments, conditions, problems,
        ))
    }

    fn finish(self) -> Result<Settings, Vec<Problem>> {
        if self.campaigns.is_empty() && !self.wire.campaigns.is_empty() {
            return Err(self.problems);
        }
        let running = RunningById::of(&self.campaigns);
        let groups = self
            .group_wires
            .iter()
            .map(|(id, group)| compile_group(id, group, &self.campaigns, &running))
            .collect();
        Ok(Settings {
            version: self.wire.version.clone(),
            account_id: self.wire.account_id.clone(),
            sdk_key: self.wire.sdk_key.map(Into::into),
            is_event_arch_enabled: self.wire.is_event_arch_enabled,
            collection_prefix: self
                .wire
                .collection_prefix
                .filter(|prefix| !prefix.is_empty())
                .map(Into::into),
            visitor_ids: VisitorIds::for_account(self.wire.account_id.as_str()),
            campaigns: self.campaigns.into(),
            by_key: self.by_key,
            set_aside: self.set_aside,
            groups,
            variable_names: self.conditions.into_variable_names(),
            problems: self.problems.into(),
        })
    }
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

    fn with_ids(&self, ids: &[Identifier]) -> Box<[usize]> {
        let with_id = |id: &Identifier| self.0.get(id.as_str());
        ids.iter().filter_map(with_id).flatten().copied().collect()
    }
}

fn compile_group(
    id: &Identifier,
    wire: &GroupWire<'_>,
    campaigns: &[Campaign],
    running: &RunningById<'_>,
) -> Group {
    let members = running.with_ids(&wire.campaigns);
    let algorithm = if wire.et == Some(2.0) {
        let weights: HashMap<&str, f64> = wire.wt.iter().copied().collect();
        let weight_of = |index: &usize| weights.get(campaigns.get(*index)?.id.as_str()).copied();
        Algorithm::Advanced {
            priority: running.with_ids(&wire.p),
            weights: members
                .iter()
                .filter_map(|index| Some((*index, weight_of(index)?)))
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
