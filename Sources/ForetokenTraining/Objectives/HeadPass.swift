import ForetokenModel
import Torch

/// A head over one micro-batch.
struct HeadPass {
    private let head: PredictionHead
    private let x: EmbeddedBatch
    private let detachTrunk: Bool

    init(_ head: PredictionHead, over x: EmbeddedBatch, detachTrunk: Bool) {
        (self.head, self.x, self.detachTrunk) = (head, x, detachTrunk)
    }

    /// From 1.
    var number: Int { head.node.head }
    /// Where it stands in the graph.
    var node: HeadGraph.Node { head.node }
    /// Its own parameters.
    var parameters: [Parameter] { head.parameters }

    /// Whether the other is its input.
    func reads(_ other: HeadPass) -> Bool { node.input == .head(other.number) }

    /// [B, T, D] to [B, T, D].
    func callAsFunction(_ input: Tensor) -> Tensor {
        let isFromNextTokenPath = node.input == .trunk || node.input == .head(1)
        let detaches = detachTrunk && number > 1 && isFromNextTokenPath
        var embedded = node.joined.map(x.embeddings(after:))
        if detachTrunk { embedded = embedded?.detached() }
        return head(detaches ? input.detached() : input, embedded: embedded, x.attention)
    }
}

/// Outputs [B, T, D] of heads over one micro-batch that other heads have yet to read.
struct HeadOutputs {
    private let z: Tensor
    private var outputs: [Int: Tensor] = [:]

    /// - Parameter z: the trunk's output, as the heads are to read it.
    init(z: Tensor) { self.z = z }

    subscript(head: HeadPass) -> Tensor? {
        get { outputs[head.number] }
        set { outputs[head.number] = newValue }
    }

    /// What a head reads: the trunk's output, or that of a head that has run.
    func input(of head: HeadPass) -> Tensor {
        guard case .head(let read) = head.node.input else { return z }
        guard let output = outputs[read] else { preconditionFailure("head \(read) has not run") }
        return output
    }

    /// Removes an output that all its readers have read.
    mutating func remove(_ head: HeadPass) -> Tensor? { outputs.removeValue(forKey: head.number) }
}

extension MultiTokenModel {
    /// Heads over a micro-batch.
    ///
    /// - Parameters:
    ///   - nodes: the heads, inputs before their readers.
    ///   - x: the micro-batch.
    ///   - detachTrunk: see ``ObjectiveOptions/detachTrunk``.
    func headPasses(_ nodes: [HeadGraph.Node], over x: EmbeddedBatch, detachTrunk: Bool = false) -> [HeadPass] {
        nodes.map { HeadPass(heads[$0.head - 1], over: x, detachTrunk: detachTrunk) }
    }
}
