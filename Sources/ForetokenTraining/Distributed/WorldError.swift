/// Why ranks cannot start, or cannot go on, together.
public enum WorldError: Error, Sendable, Equatable, CustomStringConvertible {
    /// An environment variable has an impossible value.
    case variable(name: String, reason: String)
    /// Rank 0 cannot serve the store at its port.
    case cannotServe(port: Int, reason: String)
    /// The store does not answer at the start.
    case unreachable(address: String, seconds: Double, reason: String)
    /// Not all ranks joined.
    case missing(ranks: [Int], size: Int, seconds: Double)
    /// Two processes have the same rank.
    case twice(rank: Int)
    /// Ranks do not answer any more.
    case lost(ranks: [Int], seconds: Double)
    /// Ranks answer, but have begun only `begun` collectives while the others wait in the next one.
    case stuck(ranks: [Int], begun: Int, seconds: Double)
    /// The store does not answer any more.
    case storeLost(address: String, holder: String)
    /// Another rank ended, with this error.
    case elsewhere(String)
    /// A collective failed, and all ranks are there.
    case broken(reason: String)
    /// Ranks differ in what must be equal.
    case differs(what: String, ranks: [Int], remedy: String)
    /// The global batch is too small to give every rank a sequence.
    case tooManyRanks(size: Int, sequences: Int)
    /// A captured step does not communicate while it runs.
    case capturedStepNeedsOneRank

    private static let remedy = "the last checkpoint is whole: the same command resumes"

    /// What happened and what to do.
    public var description: String {
        switch self {
        case .variable(let name, let reason): "environment: \(name): \(reason)"
        case .capturedStepNeedsOneRank:
            "--cuda-graphs captures steps of a single process; leave it out with several"
        case .cannotServe(let port, let reason):
            "rank 0 cannot serve the ranks' store at port \(port): \(reason); give MASTER_PORT a free port"
        case .unreachable(let address, let seconds, let reason):
            "the ranks' store at \(address) did not answer within \(Self.text(seconds)) (\(reason)); "
                + "check MASTER_ADDR, MASTER_PORT and that rank 0 runs, or raise --timeout"
        case .missing(let ranks, let size, let seconds):
            "\(Self.text(ranks)) of \(size) did not come within \(Self.text(seconds)): start one process for each rank "
                + "(torchrun, srun or --processes), or raise --timeout"
        case .twice(let rank): "two processes are rank \(rank): give each its own RANK"
        case .lost(let ranks, let seconds):
            "\(Self.text(ranks)): no sign of life for \(Self.text(seconds)): killed, frozen or cut off from the network; "
                + Self.remedy
        case .stuck(let ranks, let begun, let seconds):
            "\(Self.behind(ranks, begun, seconds)); \(Self.remedy)"
        case .storeLost(let address, let holder):
            "the ranks' store at \(address) does not answer any more: \(holder) was killed, is frozen or is cut off from "
                + "the network; \(Self.remedy)"
        case .elsewhere(let words): words
        case .broken(let reason): "a collective failed with all ranks alive: \(reason); \(Self.remedy)"
        case .differs(let what, let ranks, let remedy):
            "\(Self.text(ranks)) and rank 0 differ in \(what); \(remedy)"
        case .tooManyRanks(let size, let sequences):
            "\(size) ranks share a global batch of \(sequences) sequences (training.batchSize x training.accumulation): "
                + "start at most \(sequences) ranks, or enlarge the batch"
        }
    }

    /// The warning that ranks keep the others waiting, before that becomes an error.
    package static func behind(_ ranks: [Int], _ begun: Int, _ seconds: Double) -> String {
        "\(text(ranks)): gives signs of life but does not come to collective \(begun + 1), in which the others have waited for "
            + "\(text(seconds)): busy, hung, or waiting for its output to be read"
    }

    private static func text(_ ranks: [Int]) -> String {
        (ranks.count == 1 ? "rank " : "ranks ") + ranks.map(String.init).joined(separator: ", ")
    }

    private static func text(_ seconds: Double) -> String {
        (seconds == seconds.rounded() ? String(Int(seconds)) : String((seconds * 10).rounded() / 10)) + " s"
    }
}
