import ForetokenFiles
import ForetokenReport
import Testing
import Torch

@testable import ForetokenEvaluation

struct PassAtKTests {
    @Test(arguments: 1...7)
    func passAtKIsTheShareOfTheSubsetsOfKCompletionsThatHoldOneThatPasses(n: Int) throws {
        for c in 0...n {
            for k in 1...n {
                // The first c of n completions pass; a subset is a number with n bits.
                let subsets = (0..<1 << n).filter { $0.nonzeroBitCount == k }
                let passing = subsets.filter { $0 & (1 << c - 1) != 0 }
                let expected = Double(passing.count) / Double(subsets.count)
                let found = try #require(PassAtK.estimate(completions: n, passed: c, k: k))
                #expect(abs(found - expected) < 1e-12)
            }
        }
        #expect(PassAtK.estimate(completions: n, passed: 0, k: n + 1) == nil)
    }

    @Test func passAtKOfManyCompletionsIsExactWhereFactorialsOverflow() throws {
        // 1 − (1 − 100/200)(1 − 100/199) for two passing of 200; a hundred factors have a rounding error of 1e-14 together.
        let found = try #require(PassAtK.estimate(completions: 200, passed: 2, k: 100))
        #expect(abs(found - (1 - 100.0 * 99 / (200 * 199))) < 1e-12)
    }

    @Test func theIntervalFollowsTheSeedHoldsTheMeanAndHasTheWidthOfTheBinomials() throws {
        let values = (0..<400).map { $0 % 4 == 0 ? 1.0 : 0.0 }
        let one = try #require(PassAtK.bootstrap(values, seed: 1))
        #expect(PassAtK.bootstrap(values, seed: 1) == one)
        let fine = (0..<400).map { Double($0 * $0) }
        #expect(PassAtK.bootstrap(fine, seed: 1) != PassAtK.bootstrap(fine, seed: 2))
        #expect(one.value == 0.25)
        // 1.645 standard errors of 0.25 over 400 problems are 0.0356; percentiles of 2000 resamples vary by a few percent of it.
        #expect(abs((one.high - one.low) / 2 - 0.0356) < 0.004)
        #expect(PassAtK.bootstrap([0.5, 0.5], seed: 0) == PassAtK.Estimate(value: 0.5, low: 0.5, high: 0.5))
        #expect(PassAtK.bootstrap([], seed: 0) == nil)
    }

    private func graded(_ passed: [(task: String, temperature: Double?, passed: [Bool])]) -> [GradedCompletion] {
        passed.flatMap { row in
            row.passed.map {
                GradedCompletion(
                    index: 0, task: row.task, temperature: row.temperature, programDigest: "",
                    verdict: Verdict(outcome: $0 ? .passed : .failed))
            }
        }
    }

    @Test func theBestTemperatureIsFoundForEachKAndKBeyondTheCompletionsIsLeftOut() throws {
        let summary = PassSummary(
            graded([
                ("a", 0.1, [true, true]), ("b", 0.1, [false, false]),
                ("a", 0.8, [true, false]), ("b", 0.8, [false, true]),
            ]), ks: [2, 1, 3])
        #expect(summary.ks == [1, 2, 3])
        // pass@1 is 1/2 at both temperatures, a tie; pass@2 is 1/2 and 1.
        #expect(summary.best(k: 1)?.estimates[1]?.value == 0.5)
        #expect(summary.best(k: 2)?.temperature == 0.8)
        #expect(summary.best(k: 3) == nil)
        #expect(summary.json["pass@2"] == .number(1))
        #expect(summary.json["pass@2 temperature"] == .number(0.8))
        #expect(summary.json["pass@3"] == nil)
        #expect(summary.table.text.contains("best per k") && summary.table.text.contains("too few completions"))
    }

    @Test func aDifferenceIsPairedByTask() throws {
        let one = PassSummary(graded([("a", nil, [true]), ("b", nil, [true]), ("c", nil, [false])]), ks: [1])
        let other = PassSummary(graded([("a", nil, [true]), ("b", nil, [false]), ("d", nil, [true])]), ks: [1])
        let difference = try #require(one.difference(from: other, k: 1))
        #expect(difference.tasks == 2)
        #expect(difference.estimate.value == 0.5)
        #expect(one.difference(from: one, k: 1)?.estimate == PassAtK.Estimate(value: 0, low: 0, high: 0))
        #expect(one.difference(from: other, k: 2) == nil)
    }

    @Test func theChartHasALineForEachTemperatureOrModelWithTheIntervalsAsBars() throws {
        let one = PassSummary(
            graded([
                ("a", 0.1, [true, true]), ("b", 0.1, [false, false]), ("a", 0.8, [true, false]),
                ("b", 0.8, [false, true]),
            ]),
            ks: [1, 2])
        let alone = PassSummary.chart([(name: "m", summary: one)])
        #expect(alone.series.map(\.name) == ["T = 0.1", "T = 0.8"])
        let row = one.rows[1]
        for (point, k) in zip(alone.series[1].points, [1, 2]) {
            let estimate = try #require(row.estimates[k])
            #expect(point.x == Double(k) && point.y == estimate.value)
            #expect(point.bar == estimate.low...estimate.high)
        }
        let other = PassSummary(graded([("a", nil, [true])]), ks: [1, 2])
        let both = PassSummary.chart([(name: "m", summary: one), (name: "other", summary: other)])
        #expect(both.series.map(\.name) == ["m", "other"])
        #expect(both.series.map(\.points.count) == [2, 1])
        #expect(both.series[0].points[1].y == 1)
    }
}
