/// How the prediction heads are made and what they read (paper section 2 and appendix B; DeepSeek-V3, arXiv 2412.19437).
public enum HeadKind: String, Sendable, CaseIterable {
    /// Every head is one transformer block that reads the trunk's output z; the paper's default.
    case parallel
    /// Every head is one linear map of z: cheap at decoding time.
    case linear
    /// A chain of blocks that begins at z: head i reads head i − 1.
    case causal
    /// A chain of blocks that ends in head 1: head n reads z, head i reads head i + 1. Plain decoding runs all of them.
    case anticausal
    /// DeepSeek-V3's form: head 1 is a block on z; head i is a block that reads head i − 1 joined with the embedding of token
    /// t + i − 1, so drafts are made one after another, each from the one before.
    case deepseek

    /// Whether the heads are blocks, which `ModelConfiguration.layers` counts.
    public var areBlocks: Bool { self != .linear }
}

/// Which matrix turns a head's output into logits.
public enum UnembeddingKind: String, Sendable, CaseIterable {
    /// One for all heads; the paper's default.
    case shared
    /// One for each head, as in the paper's byte models (table S13): affordable where V is small.
    case replicated
}

/// The prediction heads as a small graph: what each reads, and what it is.
///
/// Heads count from 1, the next-token head. The graph is listed in an order in which every head comes after its input,
/// so a backward pass walks it in reverse.
public struct HeadGraph: Sendable, Equatable {
    /// What a head reads.
    public enum Input: Sendable, Equatable {
        /// The trunk's output z [B, T, D].
        case trunk
        /// The output [B, T, D] of another head.
        case head(Int)
    }

    /// What a head computes from its input.
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
        /// What it reads.
        public let input: Input
        /// The head also reads the embedding of token t + `joined`; nil if none.
        public let joined: Int?
        /// What it computes.
        public let body: Body
    }

    /// The heads, inputs before their readers.
    public let nodes: [Node]

    /// The graph of a kind with n heads.
    public init(kind: HeadKind, heads: Int) {
        nodes = (1...heads).map { place in
            switch kind {
            case .parallel: Node(head: place, input: .trunk, joined: nil, body: .block)
            case .linear: Node(head: place, input: .trunk, joined: nil, body: .linear)
            case .causal, .deepseek:
                Node(
                    head: place, input: place == 1 ? .trunk : .head(place - 1),
                    joined: kind == .deepseek && place > 1 ? place - 1 : nil, body: .block)
            case .anticausal:
                Node(
                    head: heads + 1 - place, input: place == 1 ? .trunk : .head(heads + 2 - place), joined: nil,
                    body: .block)
            }
        }
    }

    /// Whether every head reads the trunk, so that each can run forward and backward before the next.
    public var isFlat: Bool { nodes.allSatisfy { $0.input == .trunk } }

    /// Whether another head reads this one.
    public func isRead(_ head: Int) -> Bool { nodes.contains { $0.input == .head(head) } }

    /// How many tokens after the last position the heads read: n − 1 if they join embeddings, else 0.
    public var joinedTokens: Int { nodes.compactMap(\.joined).max() ?? 0 }

    /// What head i is and reads.
    public subscript(head: Int) -> Node? { nodes.first { $0.head == head } }

    /// The heads on the way from the trunk to a head, that one last: [1] or, for `anticausal`, [n, …, 2, 1].
    public func path(to head: Int) -> [Int] {
        guard case .head(let input)? = self[head]?.input else { return [head] }
        return path(to: input) + [head]
    }

    /// The nodes that are needed for some heads: these and those that they read, in the graph's order.
    public func nodes(for heads: some Sequence<Int>) -> [Node] {
        let needed = Set(heads.flatMap(path(to:)))
        return nodes.filter { needed.contains($0.head) }
    }

    /// Whether head 1 reads other heads, which then belong to plain decoding.
    public var headOneReadsOthers: Bool { path(to: 1).count > 1 }
}
