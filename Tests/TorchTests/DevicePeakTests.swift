import Testing

@testable import Torch

@Suite struct DevicePeakTests {
    @Test(arguments: [
        ("NVIDIA H100 80GB HBM3", 989.5), ("NVIDIA H200", 989.5), ("NVIDIA H100 PCIe", 756), ("NVIDIA H100 NVL", 835.5),
        ("NVIDIA A100-SXM4-80GB", 312), ("NVIDIA A100 80GB PCIe", 312), ("NVIDIA L4", 121), ("NVIDIA L40S", 362),
    ])
    func peaksAreFoundByName(device: (name: String, teraflops: Double)) {
        #expect(Device.bfloat16Peak(ofDeviceNamed: device.name) == device.teraflops * 1e12)
    }

    /// GPUs that are not listed, although their names resemble listed ones.
    @Test(arguments: ["NVIDIA A100X", "NVIDIA H800", "NVIDIA GeForce RTX 4090", "NVIDIA L40", "", "NVIDIA H100"])
    func othersHaveNone(name: String) { #expect(Device.bfloat16Peak(ofDeviceNamed: name) == nil) }

    @Test func theProcessorHasNoName() { #expect(Device.cpu.name == nil && Device.cpu.bfloat16Peak == nil) }
}
