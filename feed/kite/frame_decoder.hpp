#pragma once

#include "feed/feed.hpp"

namespace artham::feed::kite {

/// Kite's frames for the journal's readers. The bar path reads only the fields that bars need,
/// straight from the packet.
class frame_decoder final : public decoder {
 public:
  [[nodiscard]] std::uint16_t packets(std::string_view frame) const override;
  void tokens(std::string_view frame, std::vector<std::uint32_t>& out) const override;
  /// `digest` is XXH3-64 of the packet's bytes.
  void bar_inputs(std::string_view frame, market::timestamp receive, market::position first,
                  std::vector<market::bar_input>& out) const override;
  void quotes(std::string_view frame, market::timestamp receive, market::position first,
              std::vector<market::quote>& out) const override;
  void packet_views(
      std::string_view frame, market::position first,
      const std::function<void(market::position, std::string_view)>& fn) const override;
  /// A packet of an unknown length gives 0.
  [[nodiscard]] std::uint32_t token(std::string_view packet) const override;
  /// A packet of an unknown length gives an empty tick (token 0).
  [[nodiscard]] market::tick decode(std::string_view packet) const override;
};

}  // namespace artham::feed::kite
