/// The ranks that train together. One rank is the default; everything that must agree between ranks (counts of targets,
/// the norm for clipping, finiteness, the signal to stop) goes through here.
public protocol World {
    /// This process, from 0.
    var rank: Int { get }
    /// How many processes there are.
    var size: Int { get }
    /// Elementwise sums over the ranks, the same on every rank.
    func sum(_ values: [Double]) throws -> [Double]
}

/// A world of one rank.
public struct OneRank: World {
    /// The world.
    public init() {}
    /// Always 0.
    public var rank: Int { 0 }
    /// Always 1.
    public var size: Int { 1 }
    /// The values themselves.
    public func sum(_ values: [Double]) -> [Double] { values }
}
