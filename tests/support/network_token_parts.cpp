// SPDX-License-Identifier: LGPL-2.1-or-later
// Parts that work on tokens.
#include "growing_network.h"

namespace oneadapt_test {
namespace {

std::string to_tokens(Growing &g) {
  static const char *const ways[] = {"x.flatten(2).transpose(1, 2)", "x.permute([0, 2, 3, 1]).flatten(1, 2)",
                                     "torch.einsum(\"bcn->bnc\", [x.flatten(2)])"};
  return ways[g.pick(3)];
}

void to_map(Growing &g) {
  const std::string shape =
      "[1, " + Growing::of(g.channels) + ", " + Growing::of(g.rows) + ", " + Growing::of(g.columns) + "]";
  g.x(g.pick(2) ? "t.transpose(1, 2).reshape(" + shape + ")"
                : "t.reshape([1, " + Growing::of(g.rows) + ", " + Growing::of(g.columns) + ", " +
                      Growing::of(g.channels) + "]).permute([0, 3, 1, 2])");
}

/// `expression` of the tokens t, N×C each.
Grow on_tokens(std::function<void(Growing &)> work) {
  return [work](Growing &g) {
    g.line("t = " + to_tokens(g));
    work(g);
    to_map(g);
  };
}

/// Queries, keys and values of the tokens t, in heads.
void attention(Growing &g, bool by_einsum) {
  if (g.tokens() > 400) {
    g.line("t = t * 1.1");
    return;
  }
  const std::int64_t width = g.channels;
  for (const char *name : {"q", "k", "v"})
    g.line(std::string(name) + " = torch.matmul(t, " + g.weight({width, 8}) + " ).reshape([1, " +
           Growing::of(g.tokens()) + ", 2, 4]).permute([0, 2, 1, 3])");
  if (by_einsum) {
    g.line("p = torch.softmax(torch.einsum(\"bhnd,bhmd->bhnm\", [q, k]) * 0.5, -1)");
    g.line("o = torch.einsum(\"bhnm,bhmd->bnhd\", [p, v]).flatten(2)");
  } else {
    g.line("o = torch.matmul(torch.softmax(torch.matmul(q, k.transpose(-2, -1)) / 2.0, -1), v)");
    g.line("o = o.permute([0, 2, 1, 3]).reshape([1, " + Growing::of(g.tokens()) + ", 8])");
  }
  g.line("t = t + torch.matmul(o, " + g.weight({8, width}) + ")");
}

/// A recurrent layer of `gates` gates over the tokens.
Grow recurrent(const char *name, std::int64_t gates) {
  return on_tokens([name, gates](Growing &g) {
    constexpr std::int64_t kWidth = 6;
    if (g.tokens() > 100) return g.line("t = t * 1.1");
    g.line("h = torch.zeros([1, 1, 6], dtype=t.dtype, device=t.device)");
    const std::string state = gates == 4 ? "[h, h]" : "h", rows = g.weight({gates * kWidth, g.channels});
    const std::string own = g.weight({gates * kWidth, kWidth}), bias = g.near_zero(gates * kWidth);
    g.line(std::string("t = torch.") + name + "(t, " + state + ", [" + rows + ", " + own + ", " + bias + ", " + bias +
           "], True, 1, 0.0, False, False, True)[0]");
    g.channels = kWidth;
  });
}

}  // namespace

const std::vector<Part> &token_parts() {
  static const std::vector<Part> all{
      {"linear layer", on_tokens([](Growing &g) {
         g.line("t = torch.relu(torch.matmul(t, " + g.weight({g.channels, 12}) + ") + " + g.near_zero(12) + ")");
         g.channels = 12;
       })},
      {"linear function", on_tokens([](Growing &g) {
         g.line("t = torch.linear(t, " + g.weight({12, g.channels}) + ", " + g.near_zero(12) + ")");
         g.channels = 12;
       })},
      {"layer norm of tokens", on_tokens([](Growing &g) {
         g.line("t = torch.layer_norm(t, [" + Growing::of(g.channels) + "], " + g.near_one(g.channels) + ", " +
                g.near_zero(g.channels) + ", 1e-5, False)");
       })},
      {"attention", on_tokens([](Growing &g) { attention(g, false); })},
      {"attention by einsum", on_tokens([](Growing &g) { attention(g, true); })},
      {"batch norm of tokens", on_tokens([](Growing &g) {
         g.line("t = torch.batch_norm(t.transpose(1, 2), " + g.near_one(g.channels) + ", " + g.near_zero(g.channels) +
                ", " + g.near_zero(g.channels) + ", " + g.near_one(g.channels) +
                ", False, 0.0, 1e-5, False).transpose(1, 2)");
       })},
      {"convolution of tokens", on_tokens([](Growing &g) {
         g.line("t = torch.conv1d(t.transpose(1, 2), " + g.weight({g.channels, g.channels, 3}) +
                ", None, [1], [1]).transpose(1, 2)");
       })},
      {"instance norm of tokens", on_tokens([](Growing &g) {
         g.line("t = torch.instance_norm(t.transpose(1, 2), " + g.near_one(g.channels) + ", " +
                g.near_zero(g.channels) + ", None, None, True, 0.0, 1e-5, False).transpose(1, 2)");
       })},
      {"long short-term memory", recurrent("lstm", 4)},
      {"gated recurrent unit", recurrent("gru", 3)},
      {"recurrent layer", recurrent("rnn_tanh", 1)},
      {"native layer norm", on_tokens([](Growing &g) {
         g.line("t = torch.native_layer_norm(t, [" + Growing::of(g.channels) + "], " + g.near_one(g.channels) + ", " +
                g.near_zero(g.channels) + ", 1e-5)[0]");
       })},
      {"triangle", on_tokens([](Growing &g) {
         if (g.tokens() > 400) return g.line("t = t * 1.1");
         g.line("t = t + torch.matmul(torch.tril(torch.softmax(torch.matmul(t, t.transpose(1, 2)) * 0.1, -1)), t)");
       })},
      {"mean over tokens",
       on_tokens([](Growing &g) { g.line("t = t - t.mean([1], True) + torch.std(t, [2], True, True)"); })},
  };
  return all;
}

}  // namespace oneadapt_test
