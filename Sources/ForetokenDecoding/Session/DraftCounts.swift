public import ForetokenFiles

/// What became of drafts; the names in `spec_decode_…` are those of the field's serving metrics.
public struct DraftCounts: Sendable, Equatable {
    /// Drafts proposed at each position after head 1's, heads 2, 3, … in order.
    public private(set) var proposedPerPosition: [Int]
    /// `spec_decode_num_accepted_tokens_per_pos`: of those, the accepted ones.
    public private(set) var acceptedPerPosition: [Int]
    /// How many passes accepted so many drafts, from 0 on: block lengths less one.
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

    /// The share of the drafts proposed at each position that were accepted; 0 where none was.
    public var acceptance: [Double] {
        zip(acceptedPerPosition, proposedPerPosition).map { $1 > 0 ? Double($0) / Double($1) : 0 }
    }

    /// Tokens that a pass gave, head 1's own with the accepted drafts; 0 before the first.
    public var meanAcceptedLength: Double {
        let passes = acceptedLengths.reduce(0, +)
        guard passes > 0 else { return 0 }
        return Double(acceptedLengths.enumerated().reduce(0) { $0 + ($1.offset + 1) * $1.element }) / Double(passes)
    }

    /// Takes over the result of one verification.
    mutating func count(accepted: Int, of proposed: Int) {
        var one = DraftCounts(positions: proposed)
        for place in 0..<proposed { one.proposedPerPosition[place] = 1 }
        for place in 0..<accepted { one.acceptedPerPosition[place] = 1 }
        one.acceptedLengths = [Int](repeating: 0, count: accepted) + [1]
        self += one
    }

    /// The sum, position by position.
    public static func += (sum: inout DraftCounts, other: DraftCounts) {
        func add(_ values: [Int], to sums: inout [Int]) {
            sums += [Int](repeating: 0, count: max(0, values.count - sums.count))
            for (place, value) in values.enumerated() { sums[place] += value }
        }
        add(other.proposedPerPosition, to: &sum.proposedPerPosition)
        add(other.acceptedPerPosition, to: &sum.acceptedPerPosition)
        add(other.acceptedLengths, to: &sum.acceptedLengths)
    }

    /// The counts as the commands print them.
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
