import ForetokenCommands
import ForetokenDecoding
import ForetokenDevices
import ForetokenDistributed
import ForetokenFiles
import ForetokenTraining
@preconcurrency import Foundation
import Torch

@main
struct Program {
    static func main() async {
        prepareProcess()
        // A rank's launcher may forward a signal before the command runs. It is blocked until here, and would end the rank as
        // soon as the main loop of Swift's runtime unblocks all signals.
        if getenv(LocalRanks.marker) != nil { InterruptFlag.install() }

        let torch = TorchCommands(
            commands: [Train.self, StudyCommand.self], evaluations: [Loss.self],
            benchmarks: [BenchTrain.self, BenchMemory.self, BenchDevice.self],
            decodeModel: { source, format, device, isExact, usesGraphs in
                try DecodeModel(
                    reading: source, format: format, device: Device(named: device), isExact: isExact,
                    usesGraphs: usesGraphs)
            }, inspectRecipe: { try InspectRecipe.text($0, world: $1) }, setThreads: { LibTorch.threads = $0 })

        await runForetoken(torch: torch) {
            // Linux promises more memory than it has and kills the process that uses it; an error is better. The ranks of a
            // host share its memory.
            let placement = try? RankPlacement(environment: ProcessInfo.processInfo.environment)
            Memory.setLimit(bytes: Memory.machineBytes / (placement?.localSize ?? 1))
            LibTorch.onOutOfMemory { error in
                fputs("Error: \(error)\n", stderr)
                // `exit` would wait for the threads of the operation that failed.
                fflush(nil)
                _exit(1)
            }
        }
    }
}
