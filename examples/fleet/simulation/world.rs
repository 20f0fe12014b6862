//! What happens, one event after the other. A machine does what `Keeper` and `Source` of the module do.

use super::machine::Machine;
use super::provider::Asked;
use super::queue::{Event, Queue};
use super::random::Random;
use super::run::{Fetch, Run};
use super::{MINUTE, Pace, SECOND, Scenario, Start};
use ngx_http_auth_jwt_module::fetch::schedule::Step;

pub struct World<'s> {
    scenario: &'s Scenario,
    random: Random,
    queue: Queue,
    provider: Asked<'s>,
    machines: Vec<Machine>,
    fetches: Vec<Fetch>,
}

impl<'s> World<'s> {
    pub fn new(scenario: &'s Scenario) -> Self {
        let mut random = Random::new(scenario.seed);
        let mut queue = Queue::default();
        let machines = (0..scenario.machines).map(|index| {
            let start = match scenario.start {
                Start::AtOnce => 0,
                Start::Within(most) => random.within(0, most),
            };
            queue.push(start, index, Event::Look);
            if let Some(tokens) = scenario.tokens {
                let first = random.pause(tokens.per_second);
                queue.push(tokens.from.saturating_add(first), index, Event::Token);
            }
            if let Some(attack) = scenario.attack {
                let first = match attack.pace {
                    Pace::PerSecond(_) => random.within(0, MINUTE),
                    Pace::InStep => 0,
                };
                queue.push(attack.from.saturating_add(first), index, Event::Unknown);
            }
            if let Some(at) = scenario.reload {
                queue.push(at, index, Event::Reload);
            }
            Machine { configured_at: start, next_look: Some(start), ..Machine::default() }
        });
        let machines = machines.collect();
        let provider = Asked::new(&scenario.provider, scenario.timeout);
        Self { scenario, random, queue, provider, machines, fetches: Vec::new() }
    }

    pub fn run(mut self) -> Run {
        while let Some((now, index, event)) = self.queue.pop() {
            if now >= self.scenario.length {
                break;
            }
            match event {
                Event::Look => self.look(now, index),
                Event::Ended(keys) => self.ended(now, index, keys),
                Event::Token => self.token(now, index),
                Event::Unknown => self.unknown(now, index),
                Event::Reload => self.reload(now, index),
            }
        }
        for machine in &mut self.machines {
            machine.note_end_of_gap(self.scenario.length, self.scenario.rules);
        }
        let seen = self.machines.into_iter().map(|machine| machine.seen).collect();
        Run { fetches: self.fetches, asked: self.provider.requests, seen }
    }

    /// Only the look that was planned last counts.
    fn look(&mut self, now: u64, index: usize) {
        let planned = self.machines.get_mut(index).map(|machine| &mut machine.next_look);
        if planned.is_some_and(|planned| planned.take_if(|planned| *planned == now).is_some()) {
            self.tend(now, index, false);
        }
    }

    /// Begins a fetch that is due, or plans the next look.
    fn tend(&mut self, now: u64, index: usize, wants_newer: bool) {
        let rules = self.scenario.rules;
        let Some(machine) = self.machines.get_mut(index) else { return };
        if machine.fetching.is_some() {
            return;
        }
        machine.times.correct(now, rules);
        let refreshed = machine.times.refreshed;
        match machine.times.step(now, rules, machine.configured_at, wants_newer) {
            Step::Fetch => {
                machine.fetching = Some(machine.times.refreshed != refreshed);
                let (takes, keys) = self.provider.fetch(now, &mut self.random);
                let ends = now.saturating_add(takes);
                let is_good = keys.is_some();
                self.fetches.push(Fetch { at: now, machine: index, ends, is_good });
                self.queue.push(ends, index, Event::Ended(keys));
            }
            Step::Rest => {
                let due = machine.times.next_fetch(now, rules, machine.configured_at);
                let next = due.max(now.saturating_add(1));
                machine.next_look = Some(next);
                self.queue.push(next, index, Event::Look);
            }
        }
    }

    fn ended(&mut self, now: u64, index: usize, keys: Option<usize>) {
        let Some(machine) = self.machines.get_mut(index) else { return };
        machine.fetching = None;
        match keys {
            Some(count) => {
                machine.note_end_of_gap(now, self.scenario.rules);
                machine.take_keys(count, now);
                machine.times.succeed(now, self.random.number() as u16);
            }
            None => machine.times.fail(now),
        }
        // Those who wait look again.
        let waiting = std::mem::take(&mut machine.waiting);
        for _ in 0..waiting {
            self.judge(now, index);
        }
        self.tend(now, index, false);
    }

    fn token(&mut self, now: u64, index: usize) {
        let Some(machine) = self.machines.get_mut(index) else { return };
        machine.seen.first_token.get_or_insert(now);
        if !self.judge(now, index)
            && let Some(tokens) = self.scenario.tokens
        {
            let next = now.saturating_add(self.random.pause(tokens.per_second));
            self.queue.push(next, index, Event::Token);
        }
    }

    /// A token with the newest key, new or one that has waited; answers whether it is accepted.
    fn judge(&mut self, now: u64, index: usize) -> bool {
        let Some(machine) = self.machines.get_mut(index) else { return true };
        let newest = self.scenario.provider.published.len();
        if machine.keys == Some(newest) {
            return true;
        }
        let may_refresh = machine.times.may_refresh(now, self.scenario.rules);
        match machine.fetching {
            Some(is_refresh) if is_refresh || may_refresh => {
                machine.waiting = machine.waiting.saturating_add(1);
            }
            None if may_refresh => {
                machine.waiting = machine.waiting.saturating_add(1);
                self.tend(now, index, true);
            }
            _ => machine.seen.refused = machine.seen.refused.saturating_add(1),
        }
        false
    }

    /// Those that come while the throttle holds and nothing is fetched change nothing, so they are left out.
    fn unknown(&mut self, now: u64, index: usize) {
        let Some(attack) = self.scenario.attack.filter(|attack| now < attack.to) else { return };
        self.tend(now, index, true);
        let Some(machine) = self.machines.get(index) else { return };
        let pause = match attack.pace {
            Pace::PerSecond(rate) => {
                let throttled_for = match machine.fetching {
                    Some(_) => 0,
                    None => machine.times.throttled_for(now, self.scenario.rules),
                };
                throttled_for.saturating_add(self.random.pause(rate))
            }
            Pace::InStep => self.scenario.rules.refresh_every.unwrap_or(SECOND),
        };
        self.queue.push(now.saturating_add(pause), index, Event::Unknown);
    }

    fn reload(&mut self, now: u64, index: usize) {
        if let Some(machine) = self.machines.get_mut(index) {
            machine.configured_at = now;
        }
        self.tend(now, index, false);
    }
}
