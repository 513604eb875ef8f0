import Foundation
import Testing

@testable import ForetokenReport

@Suite struct ScaleTests {
    private func scale(_ values: [Double], log: Bool = false, zero: Bool = false) -> Scale {
        Scale(values, logarithmic: log, includesZero: zero, padding: 0.05, pixels: (200, 0))
    }

    @Test(arguments: [
        ([0.0, 1], ["0.0", "0.5", "1.0"]), ([1.8, 2.6], ["1.8", "2.0", "2.2", "2.4", "2.6"]),
        ([0, 0.003], ["0.000", "0.001", "0.002", "0.003"]),
        ([5.00011, 5.00019], ["5.00012", "5.00014", "5.00016", "5.00018"]),
    ])
    func linearTicksAreRoundAndTellValuesApart(values: [Double], expected: [String]) {
        let scale = scale(values)
        let ticks = scale.ticks(about: 4, unit: .number)
        let labels = scale.labels(ticks, unit: .number)
        #expect(labels == expected)
    }

    @Test func bytesAreRoundInUnitsOf1024() {
        let scale = scale([0, 3.1 * 1024 * 1024 * 1024], zero: true)
        #expect(scale.ticks(about: 4, unit: .bytes).map(ChartUnit.bytes.text) == ["0 B", "1 GiB", "2 GiB", "3 GiB"])
    }

    @Test func aLogarithmicScaleSpacesRatiosEquallyAndTicksAtRoundNumbers() {
        let scale = scale([1, 100], log: true)
        #expect(scale.isLogarithmic)
        // Of 200 pixels, in float64.
        #expect(abs((scale(1) - scale(10)) - (scale(10) - scale(100))) < 1e-9)
        #expect(scale.ticks(about: 4, unit: .number) == [1, 3, 10, 30, 100])
        #expect(self.scale([1e-8, 1e8], log: true).ticks(about: 4, unit: .number).count <= 7)
    }

    @Test func aLogarithmicScaleOfValuesNotAllAboveZeroIsLinear() {
        #expect(!scale([0, 10], log: true).isLogarithmic)
    }

    @Test(arguments: [
        [], [0], [5], [-5], [1e-300], [1e299, -1e299], [3, 3], [1e15, 1e15 + 0.125], [0, 1e-300], [9e18],
        [1e-300, 1e299], [Double.leastNonzeroMagnitude, 2 * Double.leastNonzeroMagnitude],
    ])
    func anyValuesHaveFinitePlacesAndFewTicks(values: [Double]) {
        for log in [false, true] {
            for zero in [false, true] {
                let scale = scale(values, log: log, zero: zero)
                #expect(scale.low < scale.high)
                #expect((values + [0, 1]).allSatisfy { scale($0).isFinite })
                for unit in [ChartUnit.number, .count, .bytes, .percent, .ratio] {
                    let ticks = scale.ticks(about: 4, unit: unit)
                    #expect(ticks.count <= 20)
                    #expect(scale.labels(ticks, unit: unit).count == ticks.count)
                }
            }
        }
    }
}
