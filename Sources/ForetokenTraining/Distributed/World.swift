import Foundation
public import Torch

/// The ranks that train together. One rank is the default; everything that must agree between ranks (counts of targets,
/// the norm for clipping, finiteness, the signal to stop) goes through here.
///
/// All ranks call the same functions in the same order.
public protocol World {
    /// This process, from 0.
    var rank: Int { get }
    /// How many processes there are.
    var size: Int { get }
    /// This process among those of its host, from 0: which GPU it takes.
    var localRank: Int { get }
    /// How many processes share the host's memory, as far as this one knows; at least 1.
    var localSize: Int { get }
    /// Elementwise sums over the ranks, the same on every rank.
    ///
    /// - Throws: ``WorldError`` when a rank is lost, as all of them do.
    func sum(_ values: [Double]) throws -> [Double]
    /// Begins to sum a contiguous tensor over the ranks into that of rank `root`; the other ranks' elements become
    /// undefined.
    func reduce(_ tensor: Tensor, to root: Int) throws -> Transfer
    /// Begins to replace a contiguous tensor by that of rank `root`.
    func broadcast(_ tensor: Tensor, from root: Int) throws -> Transfer
}

/// A transfer between ranks that is under way. Its tensor must not be read or written until `wait` returns.
public struct Transfer {
    /// Waits for its end and returns the time of it, in nanoseconds of the system's monotonic clock.
    public let wait: () throws -> Int

    /// A transfer that `wait` waits for.
    public init(wait: @escaping () throws -> Int) { self.wait = wait }

    /// A transfer that is over.
    public static var done: Transfer { Transfer { monotonicNanoseconds() } }
}

/// The system's monotonic clock.
package func monotonicNanoseconds() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int(time.tv_sec) * 1_000_000_000 + Int(time.tv_nsec)
}

/// A world of one rank.
public struct OneRank: World {
    /// The world.
    public init() {}
    /// Always 0.
    public var rank: Int { 0 }
    /// Always 1.
    public var size: Int { 1 }
    /// Always 0.
    public var localRank: Int { 0 }
    /// Always 1.
    public var localSize: Int { 1 }
    /// The values themselves.
    public func sum(_ values: [Double]) -> [Double] { values }
    /// The tensor is its own sum.
    public func reduce(_ tensor: Tensor, to root: Int) -> Transfer { .done }
    /// The tensor is where it was.
    public func broadcast(_ tensor: Tensor, from root: Int) -> Transfer { .done }
}

extension World {
    /// The sequences of a global batch of `count` that this rank computes. Shares are contiguous, in rank order, and
    /// differ by at most one sequence, so that the batch does not depend on the number of ranks.
    func share(of count: Int) -> Range<Int> { count * rank / size..<count * (rank + 1) / size }

    /// The device of this rank: for `cuda`, the GPU of its ``localRank``.
    func device(named name: String) throws(TorchError) -> Device {
        try Device(named: name == "cuda" && size > 1 ? "cuda:\(localRank)" : name)
    }
}
