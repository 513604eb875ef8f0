#if Server
    public import CoreMetrics

    extension API {
        /// A backend for swift-metrics whose metrics stand in `/metrics` beside the server's own: those of the web server and of
        /// other libraries of the program.
        ///
        /// ```swift
        /// MetricsSystem.bootstrap(api.metricsFactory)
        /// ```
        public var metricsFactory: any MetricsFactory { RegistryFactory(registry: metrics.registry) }
    }

    private struct RegistryFactory: MetricsFactory {
        let registry: MetricsRegistry

        func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
            series(label, suffix: "_total", .counter, dimensions)
        }

        func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler
        {
            series(label, suffix: "_total", .counter, dimensions)
        }

        func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
            series(label, suffix: "", .gauge, dimensions)
        }

        func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
            let bounds = [-2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map { exponentOfTen($0) }
            return series(label, suffix: "", aggregate ? .histogram : .gauge, dimensions, bounds: bounds)
        }

        func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
            series(label, suffix: "_seconds", .histogram, dimensions, bounds: ServerMetrics.requestBounds)
        }

        func destroyCounter(_ handler: any CounterHandler) {}
        func destroyMeter(_ handler: any MeterHandler) {}
        func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
        func destroyRecorder(_ handler: any RecorderHandler) {}
        func destroyTimer(_ handler: any TimerHandler) {}

        private func exponentOfTen(_ exponent: Int) -> Double {
            (0..<abs(exponent)).reduce(1.0) { power, _ in exponent < 0 ? power / 10 : power * 10 }
        }

        private func series(
            _ label: String, suffix: String, _ kind: MetricsRegistry.Kind, _ dimensions: [(String, String)],
            bounds: [Double] = []
        ) -> RegistrySeries {
            let name = Self.name(label)
            let full = name.hasSuffix(suffix) ? name : name + suffix
            return RegistrySeries(
                registry, kind,
                registry.register(
                    full, help: "\(label), by a library of the program.", kind, bounds: bounds,
                    labels: dimensions.map { (Self.name($0.0), $0.1) }))
        }

        /// A name as Prometheus has them.
        private static func name(_ label: String) -> String {
            String(
                String.UnicodeScalarView(
                    label.unicodeScalars.map {
                        $0.isASCII && ($0.properties.isAlphabetic || ("0"..."9").contains($0)) ? $0 : "_"
                    }))
        }
    }

    private final class RegistrySeries: CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler,
        TimerHandler
    {
        private let registry: MetricsRegistry
        private let kind: MetricsRegistry.Kind
        private let handle: MetricsRegistry.Handle

        init(_ registry: MetricsRegistry, _ kind: MetricsRegistry.Kind, _ handle: MetricsRegistry.Handle) {
            (self.registry, self.kind, self.handle) = (registry, kind, handle)
        }

        func increment(by amount: Int64) { registry.add(Double(amount), to: handle) }
        func increment(by amount: Double) { registry.add(amount, to: handle) }
        func decrement(by amount: Double) { registry.add(-amount, to: handle) }
        /// Counters of Prometheus only grow.
        func reset() {}
        func set(_ value: Int64) { registry.set(Double(value), of: handle) }
        func set(_ value: Double) { registry.set(value, of: handle) }
        func record(_ value: Int64) { record(Double(value)) }
        func record(_ value: Double) {
            if kind == .histogram { registry.observe(value, in: handle) } else { registry.set(value, of: handle) }
        }
        func recordNanoseconds(_ duration: Int64) { registry.observe(Double(duration) * 1e-9, in: handle) }
    }
#endif
