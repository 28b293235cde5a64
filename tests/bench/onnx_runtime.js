#!/usr/bin/env node
// SPDX-License-Identifier: LGPL-2.1-or-later
// What ONNX Runtime takes for a graph, to compare with: CPU and wall time of a pass, in ms. Needs the npm package
// onnxruntime-node (npm install --ignore-scripts onnxruntime-node), and ONNX files (graphs.py --onnx).
// Usage: onnx_runtime.js FILE.onnx WIDTH HEIGHT [PASSES [THREADS]]
const runtime = require('onnxruntime-node');

async function main() {
  const [file, width, height, passes = 20, threads = 1] = process.argv.slice(2);
  if (!height) throw new Error('usage: onnx_runtime.js FILE.onnx WIDTH HEIGHT [PASSES [THREADS]]');
  const session = await runtime.InferenceSession.create(file, {
    intraOpNumThreads: Number(threads), interOpNumThreads: 1, executionMode: 'sequential', graphOptimizationLevel: 'all'});
  const pixels = Float32Array.from({length: 3 * width * height}, (_, i) => Math.sin(i * 0.013));
  const input = {[session.inputNames[0]]: new runtime.Tensor('float32', pixels, [1, 3, Number(height), Number(width)])};
  for (let i = 0; i < 3; ++i) await session.run(input);  // warms up
  const cpu = process.cpuUsage(), begin = performance.now();
  for (let i = 0; i < passes; ++i) await session.run(input);
  const {user, system} = process.cpuUsage(cpu), wall = performance.now() - begin;
  console.log(`${file}: CPU ${((user + system) / 1000 / passes).toFixed(1)} ms, wall ${(wall / passes).toFixed(1)} ms`);
}

main().catch((error) => {
  console.error(`onnx_runtime.js: ${error.message}`);
  process.exit(1);
});
