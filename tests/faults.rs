//! What goes wrong outside of cfpd: it is killed, the disk is full, broken or read-only, descriptors run out, clients
//! vanish, clocks jump. What was acknowledged stays, what was not leaves no trace. Each module owns one kind of
//! fault; where a test needs root or a program that is not here, it says that it is skipped.

mod behind;
mod calls;
mod clock;
mod crash;
mod descriptors;
mod device;
mod disk;
mod file_size;
mod gone;
mod half_done;
mod mounts;
mod order;
mod place;
mod reads;
mod resets;
mod scans;
mod space;
mod term;
