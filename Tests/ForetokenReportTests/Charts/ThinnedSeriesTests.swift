import Testing

@testable import ForetokenReport

@Suite struct ThinnedSeriesTests {
    /// Every span of the thinned series has the minimum and maximum of all points in it.
    @Test(arguments: [10, 1000, 1_000_000])
    func noSpikeIsLostAndMemoryIsBounded(count: Int) {
        var series = ThinnedSeries(capacity: 64)
        var values: [Double] = []
        var state: UInt64 = 7
        for step in 0..<count {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let value = step % 997 == 500 ? 1e9 + Double(step) : Double(state >> 40)
            values.append(value)
            series.add(ChartPoint(x: Double(step), y: value))
        }
        let points = series.points
        #expect(points.count <= 3 * 64 + 2)
        #expect(points.map(\.y).max() == values.max())
        #expect(points.map(\.y).min() == values.min())
        #expect(points.allSatisfy { values[Int($0.x)] == $0.y })
        #expect(zip(points, points.dropFirst()).allSatisfy { $0.x <= $1.x })
        #expect(points.first?.x == 0 && points.last?.x == Double(count - 1))
        // Brute force over spans of the width that 64 spans of a power of two have.
        var width = 1
        while (count + width - 1) / width > 64 { width *= 2 }
        for start in stride(from: 0, to: count, by: width) {
            let span = values[start..<min(count, start + width)]
            let kept = points.filter { Int($0.x) >= start && Int($0.x) < start + width }.map(\.y)
            #expect(kept.max() == span.max() && kept.min() == span.min())
        }
    }

    @Test func whatCannotBeDrawnIsKeptAsAGap() {
        var series = ThinnedSeries(capacity: 4)
        for step in 0..<100 { series.add(ChartPoint(x: Double(step), y: step == 41 ? .nan : 1)) }
        #expect(series.points.contains { $0.x == 41 && $0.y.isNaN })
    }

    @Test func stepsOfAnySizeAreTaken() {
        var series = ThinnedSeries(capacity: 4)
        for x in [-9.2e18, 0, 1, 2, 3, 4, 9.2e18, .infinity, .nan] { series.add(ChartPoint(x: x, y: 1)) }
        #expect(series.points.first?.x == -9.2e18 && series.points.last?.x == 9.2e18)
    }
}
