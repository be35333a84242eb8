//! The sandbox over real HTTP.

#[cfg(test)]
mod control;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod gemini;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod reads;
#[cfg(test)]
mod support;
#[cfg(test)]
mod writes;
