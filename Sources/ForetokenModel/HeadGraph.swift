/// How the prediction heads are made and what they read (paper section 2 and appendix B).
public enum HeadKind: String, Sendable, CaseIterable {
    /// Every head is one transformer block that reads the trunk's output z; the paper's default.
    case parallel
    /// Every head is one linear map of z: cheap at decoding time.
    case linear
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
        /// What it computes.
        public let body: Body
    }

    /// The heads, inputs before their readers.
    public let nodes: [Node]

    /// The graph of a kind with n heads.
    public init(kind: HeadKind, heads: Int) {
        nodes = (1...heads).map { head in
            Node(head: head, input: .trunk, body: kind == .parallel ? .block : .linear)
        }
    }

    /// Whether every head reads the trunk, so that each can run forward and backward before the next.
    public var isFlat: Bool { nodes.allSatisfy { $0.input == .trunk } }
}
