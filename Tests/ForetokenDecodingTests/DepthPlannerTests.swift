import ForetokenModel
import ForetokenText
import Testing

@testable import ForetokenDecoding

@Suite struct DepthPlannerTests {
    @Test func plansFollowWhatPays() throws {
        let planner = DepthPlanner()
        for rows in 1...8 { planner.learn(rows: rows, seconds: 1 + 0.1 * Double(rows - 1)) }
        planner.learn(drafting: 1, seconds: 0.1)
        planner.learn(drafting: 2, seconds: 0.1)
        #expect(planner.plan([try sequence(accepted: 3, times: 50)]) == [3])
        #expect(planner.plan([try sequence(accepted: 0, times: 50)]) == [0])
        #expect(planner.plan([try sequence(accepted: 0, times: 50), try sequence(accepted: 3, times: 50)]) == [0, 3])
        // Drafts that failed are tried again after a while.
        let hopeless = try sequence(accepted: 0, times: 50)
        for _ in 0..<AcceptanceEstimate.shortestPatience { hopeless.acceptance.update(accepted: 0, of: 0) }
        #expect(planner.plan([hopeless]) == [1])
        // A new sequence begins with what the others showed, and learns for itself.
        for _ in 0..<100 { _ = planner.plan([hopeless]) }
        let new = try sequence(accepted: 0, times: 0)
        #expect(planner.plan([new]) == [0])
        for _ in 0..<10 { new.acceptance.update(accepted: 3, of: 3) }
        #expect(planner.plan([new]) == [3])
        // On a machine where a row costs as much as a pass, nothing pays.
        let dear = DepthPlanner()
        for rows in 1...4 { dear.learn(rows: rows, seconds: Double(rows)) }
        dear.learn(drafting: 1, seconds: 0.5)
        #expect(dear.plan([try sequence(accepted: 3, times: 50)]) == [0])
    }

    /// A time measured when something else ran does not keep a number of drafts away for good.
    @Test func whatWasSlowOnceIsTriedAgain() throws {
        let planner = DepthPlanner()
        for rows in [1, 2, 3, 5] { planner.learn(rows: rows, seconds: 1 + 0.05 * Double(rows)) }
        planner.learn(rows: 4, seconds: 5)
        let good = try sequence(accepted: 3, times: 50)
        #expect(planner.plan([good]) == [3])
        // One less now and then, so that its time stays known.
        let plans = (0..<60).map { _ in planner.plan([good]) }
        #expect(plans.contains([2]) && plans.count { $0 == [3] } > 50)
    }

    /// Nor does one measured when everything was faster make rows look free for good.
    @Test func whatWasFastOnceFollows() throws {
        let planner = DepthPlanner()
        for rows in 1...8 { for _ in 0..<4 { planner.learn(rows: rows, seconds: 1 + 0.01 * Double(rows)) } }
        for _ in 0..<400 {
            planner.learn(rows: 1, seconds: 1)
            planner.learn(rows: 2, seconds: 5)
        }
        #expect(planner.plan([try sequence(accepted: 3, times: 50)]) == [0])
    }

    private func sequence(accepted: Int, times: Int) throws -> DecodingSequence {
        let decoder = try DecodeModel(reading: TinyModels.trained(.linear, heads: 4))
        var request = GenerationRequest(prompt: prompt("for i"), maximumTokens: 60, heads: 4)
        request.isAdaptive = true
        let sequence = try DecodingSequence(decoder, request, tokenizer: ByteTokenizer(), pool: CachePool(decoder))
        for _ in 0..<times { sequence.acceptance.update(accepted: accepted, of: 3) }
        return sequence
    }
}
