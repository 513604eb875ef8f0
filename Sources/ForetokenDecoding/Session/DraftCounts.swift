public import ForetokenFiles

/// Counts of proposed and accepted drafts; the `spec_decode_…` names are vLLM's serving metrics.
public struct DraftCounts: Sendable, Equatable {
    /// Drafts proposed at each draft position: by heads 2, 3, … in order.
    public private(set) var proposedPerPosition: [Int]
    /// `spec_decode_num_accepted_tokens_per_pos`: drafts accepted at each draft position.
    public private(set) var acceptedPerPosition: [Int]
    /// Histogram of the number of drafts that a pass accepted, from 0 on.
    public private(set) var acceptedLengths: [Int] = []

    init(positions: Int = 0) {
        proposedPerPosition = [Int](repeating: 0, count: positions)
        acceptedPerPosition = proposedPerPosition
    }

    /// `spec_decode_num_drafts`: passes that verified drafts.
    public var passes: Int { proposedPerPosition.first ?? 0 }
    /// `spec_decode_num_draft_tokens`.
    public var proposed: Int { proposedPerPosition.reduce(0, +) }
    /// `spec_decode_num_accepted_tokens`.
    public var accepted: Int { acceptedPerPosition.reduce(0, +) }

    /// The acceptance rate at each draft position; 0 where nothing was proposed.
    public var acceptance: [Double] {
        zip(acceptedPerPosition, proposedPerPosition).map { $1 > 0 ? Double($0) / Double($1) : 0 }
    }

    /// Mean number of tokens per pass: head 1's own token and the accepted drafts; 0 before the first pass.
    public var meanAcceptedLength: Double {
        let passes = acceptedLengths.reduce(0, +)
        guard passes > 0 else { return 0 }
        return Double(acceptedLengths.enumerated().reduce(0) { $0 + ($1.offset + 1) * $1.element }) / Double(passes)
    }

    /// Counts the result of one verification.
    mutating func count(accepted: Int, of proposed: Int) {
        var one = DraftCounts(positions: proposed)
        for position in 0..<proposed { one.proposedPerPosition[position] = 1 }
        for position in 0..<accepted { one.acceptedPerPosition[position] = 1 }
        one.acceptedLengths = [Int](repeating: 0, count: accepted) + [1]
        self += one
    }

    /// The sum, position by position.
    public static func += (sum: inout DraftCounts, other: DraftCounts) {
        func add(_ values: [Int], to sums: inout [Int]) {
            sums += [Int](repeating: 0, count: max(0, values.count - sums.count))
            for (position, value) in values.enumerated() { sums[position] += value }
        }
        add(other.proposedPerPosition, to: &sum.proposedPerPosition)
        add(other.acceptedPerPosition, to: &sum.acceptedPerPosition)
        add(other.acceptedLengths, to: &sum.acceptedLengths)
    }

    /// The counts in the JSON output of the commands.
    public var json: JSONObject {
        func list(_ values: [Int]) -> JSONValue { .array(values.map { .integer($0) }) }
        var object = JSONObject()
        object["spec_decode_num_drafts"] = .integer(passes)
        object["spec_decode_num_draft_tokens"] = .integer(proposed)
        object["spec_decode_num_accepted_tokens"] = .integer(accepted)
        object["spec_decode_num_accepted_tokens_per_pos"] = list(acceptedPerPosition)
        object["draftedPerPosition"] = list(proposedPerPosition)
        object["acceptedPerPosition"] = list(acceptedPerPosition)
        object["acceptedLengths"] = list(acceptedLengths)
        object["meanAcceptedLength"] = .finite(meanAcceptedLength)
        return object
    }
}
