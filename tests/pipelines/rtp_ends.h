// SPDX-License-Identifier: LGPL-2.1-or-later
// A camera and a DNN with RTP over UDP on loopback between them, as a user would launch them (docs/network.md).
#pragma once
#include <string>

#include "two_ends.h"

namespace oneadapt_test {

/// Ports that nobody has, as good as can be told.
inline int free_ports() {
  static int next = 20000 + int(g_random_int_range(0, 2000)) * 10;
  return next += 10;
}

/// RTP, and RTCP both ways if `rtcp`; else a socket of its own for the feedback, "udp" or "tcp". Started again it is
/// the same source to the other side.
inline std::string rtp_camera(int port, bool rtcp, const std::string &socket = "udp") {
  const std::string p = std::to_string(port), q = std::to_string(port + 1), back = std::to_string(port + 5);
  if (!rtcp)
    return camera("feedback=" + socket + "://127.0.0.1:" + back) + " ! rtph264pay ! udpsink host=127.0.0.1 port=" + p;
  return "rtpbin name=rtp " + camera() +
         " ! rtph264pay ssrc=7 ! rtp.send_rtp_sink_0 rtp.send_rtp_src_0 ! udpsink host=127.0.0.1 port=" + p +
         " bind-port=" + std::to_string(port + 2) + " rtp.send_rtcp_src_0 ! udpsink host=127.0.0.1 port=" + q +
         " bind-port=" + std::to_string(port + 3) + " sync=false async=false udpsrc address=127.0.0.1 port=" + back +
         " ! rtp.recv_rtcp_sink_0";
}

/// `sink`: what follows the depayloader. `caps`: more fields of the RTP stream's.
inline std::string rtp_receiver(int port, bool rtcp, const std::string &sink, const std::string &caps = "") {
  const std::string p = std::to_string(port), q = std::to_string(port + 1), back = std::to_string(port + 5);
  const std::string source = "udpsrc address=127.0.0.1 port=" + p +
                             " caps=application/x-rtp,media=video,clock-rate=90000,encoding-name=H264,payload=96" +
                             caps;
  const std::string depay = "rtph264depay name=depay ! " + sink;
  if (!rtcp) return source + " ! rtpjitterbuffer ! " + depay;
  return "rtpbin name=rtp latency=100 " + source + " ! rtp.recv_rtp_sink_0 rtp. ! " + depay +
         " udpsrc address=127.0.0.1 port=" + q +
         " ! rtp.recv_rtcp_sink_0 rtp.send_rtcp_src_0 ! udpsink host=127.0.0.1 port=" + back +
         " sync=false async=false";
}
inline std::string rtp_dnn(int port, bool rtcp, const std::string &model, const std::string &feedback = "",
                           const std::string &caps = "") {
  return rtp_receiver(port, rtcp, dnn(model, feedback), caps);
}

}  // namespace oneadapt_test
