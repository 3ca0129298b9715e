//! The model: two names, each a register that holds a version or nothing, and a search for an order of a history in
//! which the model gives the answers that were given (Wing and Gong 1993, with Lowe's memory of what was tried).

use std::collections::HashSet;

/// What a name holds: the entity tag of the version, and the number of its content.
pub type Held = Option<(String, i64)>;

/// What both names hold.
pub type State = [Held; 2];

/// One request and its answer, between two moments.
#[derive(Clone, Debug)]
pub struct Event {
    pub asked: u64,
    pub answered: u64,
    pub request: Request,
    pub answer: Answer,
}

/// What was asked of the name with this index.
#[derive(Clone, Debug)]
pub enum Request {
    Get(usize),
    Put(usize, i64),
    /// Only if the name holds the version with this tag.
    PutIf(usize, i64, String),
    /// Only if the name holds nothing.
    PutNew(usize, i64),
    Delete(usize),
    /// Only if the name holds the version with this tag.
    DeleteIf(usize, String),
    /// From this name to the other.
    Move(usize),
    /// From this name to the other, only if that holds nothing.
    MoveNew(usize),
    /// A filter on the content, in place: its number changes its sign.
    Turn(usize),
}

/// What was answered: a status, the tag of the version the answer names, and the number of the content that came.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub tag: String,
    pub number: i64,
}

/// The state after a request, if the model can give that answer in this state.
fn apply(state: &State, request: &Request, answer: &Answer) -> Option<State> {
    let version = |number| Some((answer.tag.clone(), number));
    let put = |name: usize, held: Held| {
        let mut after = state.clone();
        after[name] = held;
        after
    };
    let created = |name: usize| if state[name].is_none() { 201 } else { 204 };
    let has = |name: usize, tag: &String| state[name].as_ref().is_some_and(|(held, _)| held == tag);
    let (expected, after) = match request {
        Request::Get(name) => match &state[*name] {
            Some((tag, number)) if (tag, number) == (&answer.tag, &answer.number) => (200, state.clone()),
            Some(_) => return None,
            None => (404, state.clone()),
        },
        Request::Put(name, number) => (created(*name), put(*name, version(*number))),
        Request::PutIf(name, number, tag) => match has(*name, tag) {
            true => (204, put(*name, version(*number))),
            false => (412, state.clone()),
        },
        Request::PutNew(name, number) => match state[*name].is_none() {
            true => (201, put(*name, version(*number))),
            false => (412, state.clone()),
        },
        Request::Delete(name) => match state[*name].is_some() {
            true => (204, put(*name, None)),
            false => (404, state.clone()),
        },
        Request::DeleteIf(name, tag) => match (has(*name, tag), state[*name].is_some()) {
            (true, _) => (204, put(*name, None)),
            (false, true) => (412, state.clone()),
            (false, false) => (404, state.clone()),
        },
        Request::Move(name) | Request::MoveNew(name) => {
            let to = 1 - name;
            let only_new = matches!(request, Request::MoveNew(_));
            match &state[*name] {
                None => (404, state.clone()),
                Some(_) if only_new && state[to].is_some() => (412, state.clone()),
                moved => {
                    let mut after = put(to, moved.clone());
                    after[*name] = None;
                    (created(to), after)
                }
            }
        }
        Request::Turn(name) => match &state[*name] {
            // It may see a change under way that another's order puts elsewhere: then it has done nothing.
            _ if answer.status == 412 => (412, state.clone()),
            None => (404, state.clone()),
            Some((_, number)) => (204, put(*name, version(-number))),
        },
    };
    (answer.status == expected).then_some(after)
}

/// Whether there is an order. At most 64 events.
pub fn has_an_order(history: &[Event]) -> bool {
    search(history, 0, &[None, None], &mut HashSet::new())
}

fn search(history: &[Event], done: u64, state: &State, tried: &mut HashSet<(u64, State)>) -> bool {
    if done.count_ones() as usize == history.len() {
        return true;
    }
    if !tried.insert((done, state.clone())) {
        return false;
    }
    let open = || history.iter().enumerate().filter(|(index, _)| done & (1 << index) == 0);
    // Whoever was asked after another was answered comes after it.
    let first_answer = open().map(|(_, event)| event.answered).min().unwrap_or_default();
    open().filter(|(_, event)| event.asked < first_answer).any(|(index, event)| {
        apply(state, &event.request, &event.answer)
            .is_some_and(|after| search(history, done | (1 << index), &after, tried))
    })
}

fn event(asked: u64, answered: u64, request: Request, status: u16, tag: &str, number: i64) -> Event {
    Event { asked, answered, request, answer: Answer { status, tag: tag.to_owned(), number } }
}

#[test]
fn the_judge_finds_an_order_where_there_is_one_and_none_where_there_is_none() {
    use Request::{Delete, Get, Move, Put, PutIf, PutNew};
    let tag = || "a".to_owned();
    let rows = [
        (
            "one after the other",
            true,
            vec![event(0, 1, Put(0, 1), 201, "a", 0), event(2, 3, Get(0), 200, "a", 1)],
        ),
        (
            "a stale read",
            false,
            vec![
                event(0, 1, Put(0, 1), 201, "a", 0),
                event(2, 3, Put(0, 2), 204, "b", 0),
                event(4, 5, Get(0), 200, "a", 1),
            ],
        ),
        (
            "a read at the same time sees either",
            true,
            vec![
                event(0, 1, Put(0, 1), 201, "a", 0),
                event(2, 6, Put(0, 2), 204, "b", 0),
                event(3, 4, Get(0), 200, "b", 2),
            ],
        ),
        (
            "but not the new one and then the old one",
            false,
            vec![
                event(0, 1, Put(0, 1), 201, "a", 0),
                event(2, 9, Put(0, 2), 204, "b", 0),
                event(3, 4, Get(0), 200, "b", 2),
                event(5, 6, Get(0), 200, "a", 1),
            ],
        ),
        (
            "a lost update",
            false,
            vec![
                event(0, 1, Put(0, 1), 201, "a", 0),
                event(2, 5, PutIf(0, 2, tag()), 204, "b", 0),
                event(3, 6, PutIf(0, 3, tag()), 204, "c", 0),
            ],
        ),
        (
            "two are the first",
            false,
            vec![event(0, 3, PutNew(0, 1), 201, "a", 0), event(1, 4, PutNew(0, 2), 201, "b", 0)],
        ),
        (
            "a move is at one moment",
            false,
            vec![
                event(0, 1, Put(0, 1), 201, "a", 0),
                event(2, 9, Move(0), 201, "a", 0),
                event(3, 4, Get(0), 404, "", 0),
                event(5, 6, Get(1), 404, "", 0),
            ],
        ),
        (
            "two take one file away",
            false,
            vec![
                event(0, 1, Put(0, 1), 201, "a", 0),
                event(2, 5, Delete(0), 204, "", 0),
                event(3, 6, Delete(0), 204, "", 0),
            ],
        ),
        (
            "content under a wrong tag",
            false,
            vec![event(0, 1, Put(0, 1), 201, "a", 0), event(2, 3, Get(0), 200, "a", 2)],
        ),
    ];
    for (what, is_one, history) in rows {
        assert_eq!(has_an_order(&history), is_one, "{what}");
    }
}
