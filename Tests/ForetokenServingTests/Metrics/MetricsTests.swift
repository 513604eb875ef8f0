import Testing

@testable import ForetokenDecoding
@testable import ForetokenServing

@Suite struct MetricsTests {
    @Test func countersGaugesAndHistograms() {
        let registry = MetricsRegistry()
        let counter = registry.register("a_total", help: "A \\ and\na line.", .counter, labels: [("x", "\"\\\n é")])
        let gauge = registry.register("b", help: "", .gauge)
        let histogram = registry.register("c", help: "C.", .histogram, bounds: [0.5, 1])
        registry.add(2, to: counter)
        registry.add(0.5, to: counter)
        registry.set(-1, of: gauge)
        for value in [0.25, 0.5, 0.75, 1, 1.5, .infinity, .nan] { registry.observe(value, in: histogram) }
        let text = #"""
            # HELP a_total A \\ and\na line.
            # TYPE a_total counter
            a_total{x="\"\\\n é"} 2.5
            # HELP b 
            # TYPE b gauge
            b -1
            # HELP c C.
            # TYPE c histogram
            c_bucket{le="0.5"} 2
            c_bucket{le="1"} 4
            c_bucket{le="+Inf"} 6
            c_sum +Inf
            c_count 6

            """#
        #expect(registry.text() == text)
    }

    @Test func aSeriesIsRegisteredOnce() {
        let registry = MetricsRegistry()
        for _ in 0..<3 {
            registry.add(1, to: registry.register("a_total", help: "", .counter, labels: [("status", "400")]))
            registry.add(1, to: registry.register("a_total", help: "", .counter, labels: [("status", "503")]))
        }
        #expect(registry.text().split(separator: "\n").count == 4)
        #expect(registry.text().contains(#"a_total{status="503"} 3"#))
    }

    @Test func concurrentUseLosesNothing() async {
        let registry = MetricsRegistry()
        let counter = registry.register("a_total", help: "", .counter)
        let histogram = registry.register("b", help: "", .histogram, bounds: [1])
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1000 {
                        registry.add(1, to: counter)
                        registry.observe(0.5, in: histogram)
                        if Bool.random() && Bool.random() { _ = registry.text() }
                    }
                }
            }
        }
        #expect(registry.value(of: counter) == 8000)
        #expect(registry.text().contains("b_count 8000") && registry.text().contains("b_sum 4000\n"))
    }

    /// Two models in one registry, as `validate.py` reads it with Prometheus' own parser.
    @Test func serverMetrics() throws {
        let registry = MetricsRegistry()
        let metrics = ServerMetrics(registry, model: "python-bytes", heads: 4)
        let other = ServerMetrics(registry, model: "a \"b\"\\\n", heads: 1)
        metrics.requests(running: 2, waiting: 1)
        metrics.cache(usage: 0.25)
        metrics.forwards(2, sequences: 3)
        metrics.forwards(0, sequences: 0)
        metrics.started(queueSeconds: 0.125)
        metrics.firstToken(seconds: 0.03, promptTokens: 10, cachedTokens: 4)
        metrics.generated(tokens: 1, seconds: nil)
        metrics.generated(tokens: 3, seconds: 0.003)
        metrics.generated(tokens: 0, seconds: 1)
        metrics.ended(.stop, seconds: 1.25, statistics: ResponseExamples.statistics)
        other.ended(.abort, seconds: 0.5, statistics: GenerationStatistics())
        other.refused(status: 503)
        try Recorded.expect(registry.text(.own), "metrics.txt")
        try Recorded.offer(registry.text(.withAliases), "metrics-aliases.txt")
        #expect(registry.text(.withAliases).hasPrefix(registry.text(.own)))
    }
}
