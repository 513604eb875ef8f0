/// The architecture of the prediction heads and their inputs (paper section 2 and appendix B; DeepSeek-V3, arXiv 2412.19437).
public enum HeadKind: String, Sendable, CaseIterable {
    /// Every head is one transformer block that reads the trunk's output z; the paper's default.
    case parallel
    /// Every head is one linear map of z: cheap to run.
    case linear
    /// A chain of blocks that begins at z: head i reads head i − 1.
    case causal
    /// A chain of blocks that ends in head 1: head n reads z, head i reads head i + 1. Next-token decoding runs all of them.
    case anticausal
    /// DeepSeek-V3's form: head 1 is a block on z; head i is a block that reads head i − 1 joined with the embedding of token
    /// t + i − 1, so each draft depends on the one before it.
    case deepseek

    /// Whether the heads are blocks, which `ModelConfiguration.layers` counts.
    public var areBlocks: Bool { self != .linear }
}

/// Whether heads share the matrix that turns their outputs into logits.
public enum UnembeddingKind: String, Sendable, CaseIterable {
    /// One for all heads; the paper's default.
    case shared
    /// One per head, as in the paper's byte models (table S13): affordable if V is small.
    case replicated
}

/// Whether heads share the norm before the unembedding.
public enum FinalNormKind: String, Sendable, CaseIterable {
    /// One for all heads.
    case shared
    /// One per head, as in DeepSeek-V3 and MiMo-7B.
    case replicated
}

/// The graph of the prediction heads: each head's input and body.
///
/// Heads are numbered from 1, the next-token head. Nodes are in topological order, so a backward pass walks them in reverse.
public struct HeadGraph: Sendable, Equatable {
    /// A head's input.
    public enum Input: Sendable, Equatable {
        /// The trunk's output z [B, T, D].
        case trunk
        /// The output [B, T, D] of another head.
        case head(Int)
    }

    /// The computation of a head.
    public enum Body: Sendable, Equatable {
        /// One transformer block.
        case block
        /// One linear map [D, D].
        case linear
    }

    /// One head.
    public struct Node: Sendable, Equatable {
        /// The head's number i: it predicts token t + i.
        public let head: Int
        /// Its input.
        public let input: Input
        /// The head also reads the embedding of token t + `joined`; nil if none.
        public let joined: Int?
        /// Its computation.
        public let body: Body
    }

    /// The heads in topological order.
    public let nodes: [Node]

    /// The graph of a kind with n heads.
    public init(kind: HeadKind, heads: Int) {
        nodes = (1...heads).map { index in
            switch kind {
            case .parallel: Node(head: index, input: .trunk, joined: nil, body: .block)
            case .linear: Node(head: index, input: .trunk, joined: nil, body: .linear)
            case .causal, .deepseek:
                Node(
                    head: index, input: index == 1 ? .trunk : .head(index - 1),
                    joined: kind == .deepseek && index > 1 ? index - 1 : nil, body: .block)
            case .anticausal:
                Node(
                    head: heads + 1 - index, input: index == 1 ? .trunk : .head(heads + 2 - index), joined: nil,
                    body: .block)
            }
        }
    }

    /// Whether every head reads the trunk, so that each can run forward and backward before the next.
    public var isFlat: Bool { nodes.allSatisfy { $0.input == .trunk } }

    /// Whether another head reads this one.
    public func isRead(_ head: Int) -> Bool { nodes.contains { $0.input == .head(head) } }

    /// The number of tokens after the last position that the heads read: n − 1 if they join embeddings, else 0.
    public var joinedTokens: Int { nodes.compactMap(\.joined).max() ?? 0 }

    /// The node of head i.
    public subscript(head: Int) -> Node? { nodes.first { $0.head == head } }

    /// The path from the trunk to a head, that head last: for head 1, [1] or, for `anticausal`, [n, …, 2, 1].
    public func path(to head: Int) -> [Int] {
        guard case .head(let input)? = self[head]?.input else { return [head] }
        return path(to: input) + [head]
    }

    /// The nodes needed to compute some heads: these and their inputs, in topological order.
    public func nodes(for heads: some Sequence<Int>) -> [Node] {
        let needed = Set(heads.flatMap(path(to:)))
        return nodes.filter { needed.contains($0.head) }
    }

    /// Whether head 1 reads other heads, which are then on the next-token path.
    public var headOneReadsOthers: Bool { path(to: 1).count > 1 }
}
