import CKernels
import Foundation
import Testing

extension KernelTests {
    @Suite struct SamplingTests {
        @Test func aFilterWithoutMemorySaysSoAndChangesNothing() async {
            await #expect(processExitsWith: .exitCode(7)) {
                let count = 1 << 23
                let x = UnsafeMutablePointer<Float>.allocate(capacity: count)
                x.initialize(repeating: 0.5, count: count)
                // 64 MiB of indices are needed, and there are 16.
                let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).prefix { $0 != " " }
                let most = try #require(rlim_t(pages)) * rlim_t(sysconf(Int32(_SC_PAGESIZE))) + 16 << 20
                var limit = rlimit(rlim_cur: most, rlim_max: most)
                setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
                let kept = ck_filter(x, Int64(count), 1, 0, 1, 0.1)
                let isWhole = x[0] == 0.5 && x[count - 1] == 0.5
                _exit(kept == -2 && isWhole ? 7 : 1)
            }
        }

        @Test func theLargestValueIsFoundAndNaNRefused() {
            #expect(ck_argmax([1, 3, 3, 2], 4) == 1)
            #expect(ck_argmax([1, .nan, 3], 3) == -1)
            #expect(ck_gumbel_argmax([1, .nan, 3], 3, 1, 0, 0) == -1)
        }

        @Test func theSampleIsTheLargestOfLogitPlusNoise() {
            for position: UInt64 in 0..<300 {
                let logits = numbers(97, seed: position).map { $0 * 6 }
                let values = logits.indices.map {
                    Double(logits[$0]) * (1 / 0.8) + ck_gumbel(3, position, UInt64($0))
                }
                let best = values.indices.max { values[$0] < values[$1] }
                #expect(ck_gumbel_argmax(logits, 97, 0.8, 3, position) == Int64(best ?? -1))
            }
        }

        /// 20,000 draws over 6 outcomes; 20.5 is chi-square's 99.9 % quantile at 5 degrees of freedom.
        @Test func gumbelSamplingFollowsTheSoftmax() {
            let logits: [Float] = [0, 1, -1, 2, 0.5, -3]
            let temperature = 0.7
            let weights = logits.map { exp(Double($0) / temperature) }
            let total = weights.reduce(0, +)
            var counts = [Double](repeating: 0, count: 6)
            for position in 0..<20_000 {
                counts[Int(ck_gumbel_argmax(logits, 6, temperature, 5, UInt64(position)))] += 1
            }
            let statistic = zip(counts, weights).reduce(0.0) { sum, pair in
                let expected = pair.1 / total * 20_000
                return sum + (pair.0 - expected) * (pair.0 - expected) / expected
            }
            #expect(statistic < 20.5)
        }
    }
}
