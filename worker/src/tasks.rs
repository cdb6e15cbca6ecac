//! Work that waits. Nothing runs by itself here: JavaScript comes in with what a promise has become ([`arrive`]), and the work
//! that waited for it goes on within that call. So no microtask and no promise of Rust's own is needed, and a panic always comes
//! up in a call that `instance.js` guards.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use js_sys::Promise;
use slab::Slab;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/runtime.js")]
extern "C" {
    /// Calls [`arrive`] with what `promise` becomes, or that it took longer than `timeout_ms` (0: as long as it likes).
    fn listen(promise: &Promise, arrival: usize, timeout_ms: u32);

    /// Hands out what a ticket stands for.
    fn settle(ticket: usize, answer: &JsValue);
}

/// What runs under a ticket; none while it is being polled.
type Task = Option<LocalBoxFuture<'static, JsValue>>;

/// What a promise became, and who waits for it.
#[derive(Default)]
struct Arrival {
    waker: Option<Waker>,
    result: Option<Result<JsValue, JsValue>>,
}

thread_local! {
    static TASKS: RefCell<Slab<Task>> = const { RefCell::new(Slab::new()) };
    static READY: RefCell<VecDeque<usize>> = const { RefCell::new(VecDeque::new()) };
    static ARRIVALS: RefCell<Slab<Rc<RefCell<Arrival>>>> = const { RefCell::new(Slab::new()) };
}

/// Wakes the task of that ticket. A ticket is given again once its task is done: who is woken in vain looks, and waits on.
struct Bell(usize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        READY.with_borrow_mut(|ready| ready.push_back(self.0));
    }
}

/// A door's work: begins at once. Gives what comes of it where that is known now, else its ticket, a number, for which
/// `instance.js` waits.
pub fn start(mut work: LocalBoxFuture<'static, JsValue>) -> JsValue {
    let ticket = TASKS.with_borrow_mut(|tasks| tasks.insert(None));
    let answer = match poll(&mut work, ticket) {
        Poll::Ready(answer) => {
            TASKS.with_borrow_mut(|tasks| tasks.try_remove(ticket));
            answer
        }
        Poll::Pending => {
            put_back(ticket, work);
            JsValue::from_f64(ticket as f64)
        }
    };
    go_on();
    answer
}

/// Work beside a door's: begins as soon as that has to wait, or is done. Gives its ticket.
pub fn spawn(work: impl Future<Output = ()> + 'static) -> usize {
    let work = work.map(|()| JsValue::UNDEFINED).boxed_local();
    let ticket = TASKS.with_borrow_mut(|tasks| tasks.insert(Some(work)));
    READY.with_borrow_mut(|ready| ready.push_back(ticket));
    ticket
}

/// Lets the work of a ticket go, unfinished: the platform has ended its invocation, so nothing it waits for comes any more. What it waited for
/// last stays known by its number, a few bytes, lest the number be given again while that might come.
pub fn abandon(ticket: usize) {
    let work = TASKS.with_borrow_mut(|tasks| tasks.try_remove(ticket));
    drop(work);
}

/// A promise has become `value`, or failed with it. Who waited for it goes on until the next wait.
pub fn arrive(arrival: usize, is_kept: bool, value: JsValue) {
    let Some(arrival) = ARRIVALS.with_borrow_mut(|arrivals| arrivals.try_remove(arrival)) else {
        return;
    };
    let mut arrival = arrival.borrow_mut();
    arrival.result = Some(if is_kept { Ok(value) } else { Err(value) });
    let waker = arrival.waker.take();
    drop(arrival);
    if let Some(waker) = waker {
        waker.wake();
        go_on();
    }
}

/// Runs what was woken, and what that wakes.
fn go_on() {
    while let Some(ticket) = READY.with_borrow_mut(VecDeque::pop_front) {
        let task = TASKS.with_borrow_mut(|tasks| tasks.get_mut(ticket).and_then(Option::take));
        let Some(mut work) = task else { continue };
        match poll(&mut work, ticket) {
            Poll::Ready(answer) => {
                TASKS.with_borrow_mut(|tasks| tasks.try_remove(ticket));
                settle(ticket, &answer);
            }
            Poll::Pending => put_back(ticket, work),
        }
    }
}

fn poll(work: &mut LocalBoxFuture<'static, JsValue>, ticket: usize) -> Poll<JsValue> {
    let waker = Waker::from(Arc::new(Bell(ticket)));
    work.as_mut().poll(&mut Context::from_waker(&waker))
}

fn put_back(ticket: usize, work: LocalBoxFuture<'static, JsValue>) {
    TASKS.with_borrow_mut(|tasks| {
        if let Some(task) = tasks.get_mut(ticket) {
            *task = Some(work);
        }
    });
}

/// What a promise becomes, or fails with.
pub struct Promised(Rc<RefCell<Arrival>>);

/// Waits for a promise.
pub fn promised(promise: &Promise) -> Promised {
    promised_within(0, promise)
}

/// Waits for a promise, which has failed when that takes longer than so many ms.
pub fn promised_within(timeout_ms: u32, promise: &Promise) -> Promised {
    let arrival = Rc::new(RefCell::new(Arrival::default()));
    let number = ARRIVALS.with_borrow_mut(|arrivals| arrivals.insert(Rc::clone(&arrival)));
    listen(promise, number, timeout_ms);
    Promised(arrival)
}

impl Future for Promised {
    type Output = Result<JsValue, JsValue>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut arrival = self.0.borrow_mut();
        match arrival.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                arrival.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
