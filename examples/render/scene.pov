// A water wheel in its millrace, one loop of 24 frames.
//
// `clock` runs from 0 to 1 over the animation. Everything that moves is periodic in it, so that
// the last frame leads into the first. Only what POV-Ray itself brings is used: no include files.
#version 3.7;

global_settings {
  assumed_gamma 1.0
  max_trace_level 6
}

#declare Turn = 360 * clock;
#declare Paddles = 12;

camera {
  location <5.6, 2.9, -9.0>
  look_at <0.25, 2.15, 0>
  right x * image_width / image_height
  angle 44
}

// A low sun from behind the camera's left and the blue of the evening sky opposite of it.
light_source {
  <-30, 26, -34> color rgb <1.60, 1.28, 0.90>
  area_light <4, 0, 0>, <0, 4, 0>, 4, 4 adaptive 1 circular orient
}
light_source { <24, 18, -6> color rgb <0.16, 0.22, 0.34> shadowless }

sky_sphere {
  pigment {
    gradient y
    color_map {
      [0.00 color rgb <0.98, 0.66, 0.38>]
      [0.06 color rgb <0.88, 0.60, 0.50>]
      [0.16 color rgb <0.46, 0.50, 0.68>]
      [0.40 color rgb <0.16, 0.30, 0.58>]
      [1.00 color rgb <0.08, 0.16, 0.40>]
    }
  }
  pigment {
    bozo
    turbulence 0.6
    octaves 5
    scale <0.40, 0.07, 0.40>
    color_map {
      [0.00 color rgbt <1, 1, 1, 1>]
      [0.55 color rgbt <1.0, 0.92, 0.86, 1.0>]
      [0.80 color rgbt <1.0, 0.86, 0.76, 0.35>]
      [1.00 color rgbt <1.0, 0.94, 0.88, 0.10>]
    }
  }
}

// Materials.
#declare Oak = texture {
  pigment {
    wood
    turbulence 0.06
    scale 0.07
    rotate x * 84
    color_map {
      [0.0 color rgb <0.42, 0.24, 0.11>]
      [0.6 color rgb <0.30, 0.16, 0.07>]
      [1.0 color rgb <0.20, 0.10, 0.05>]
    }
  }
  finish { ambient 0.10 diffuse 0.75 specular 0.12 roughness 0.05 }
}

#declare Iron = texture {
  pigment { color rgb <0.10, 0.10, 0.11> }
  finish { ambient 0.08 diffuse 0.5 specular 0.6 roughness 0.02 metallic }
}

#declare Masonry = texture {
  pigment {
    brick
      pigment { color rgb <0.34, 0.32, 0.30> }
      pigment {
        bozo
        scale 0.7
        color_map {
          [0.0 color rgb <0.62, 0.55, 0.47>]
          [0.5 color rgb <0.52, 0.47, 0.42>]
          [1.0 color rgb <0.70, 0.62, 0.52>]
        }
      }
    brick_size <0.62, 0.26, 0.42>
    mortar 0.03
  }
  normal { granite 0.25 scale 0.4 }
  finish { ambient 0.12 diffuse 0.72 }
}

#declare Grass = texture {
  pigment {
    bozo
    turbulence 0.5
    scale 0.35
    color_map {
      [0.0 color rgb <0.13, 0.25, 0.07>]
      [0.6 color rgb <0.20, 0.34, 0.10>]
      [1.0 color rgb <0.33, 0.42, 0.14>]
    }
  }
  normal { bumps 0.5 scale 0.06 }
  finish { ambient 0.12 diffuse 0.75 }
}

// The wheel, around the z axis at the origin; two rims, spokes, paddles.
#declare Rim = difference {
  cylinder { <0, 0, -0.06>, <0, 0, 0.06>, 1.62 }
  cylinder { <0, 0, -0.07>, <0, 0, 0.07>, 1.42 }
  texture { Oak }
}

#declare Wheel = union {
  object { Rim translate z * -0.46 }
  object { Rim translate z * 0.46 }
  cylinder { <0, 0, -0.95>, <0, 0, 0.95>, 0.15 texture { Iron } }
  cylinder { <0, 0, -0.56>, <0, 0, 0.56>, 0.30 texture { Oak } }
  #for (I, 0, Paddles - 1)
    union {
      box { <1.34, -0.035, -0.44>, <1.86, 0.035, 0.44> texture { Oak rotate y * 90 } }
      box { <1.40, -0.050, -0.05>, <1.64, 0.050, 0.05> texture { Iron } }
      #if (mod(I, 2) = 0)
        box { <0.2, -0.06, -0.52>, <1.5, 0.06, -0.42> texture { Oak rotate y * 90 } }
        box { <0.2, -0.06, 0.42>, <1.5, 0.06, 0.52> texture { Oak rotate y * 90 } }
      #end
      rotate z * (360 / Paddles * I)
    }
  #end
}

// The wheel turns by four paddles in one loop, which looks the same as none.
object { Wheel rotate z * (-Turn / Paddles * 4) translate <0, 1.72, 0> }

// The mill behind it: walls, roof, a lit window, a door.
union {
  difference {
    box { <-2.6, -0.4, 1.0>, <2.4, 3.5, 4.6> texture { Masonry } }
    box { <1.05, 1.75, 0.9>, <1.75, 2.65, 1.35> pigment { color rgb <0.30, 0.27, 0.24> } }
    box { <-2.05, 1.75, 0.9>, <-1.35, 2.65, 1.35> pigment { color rgb <0.30, 0.27, 0.24> } }
  }
  // The gables' triangle, as a prism along z, and two roof slabs on it.
  prism {
    linear_sweep linear_spline
    1.0, 4.6, 4
    <-2.6, 3.5>, <2.4, 3.5>, <-0.1, 5.1>, <-2.6, 3.5>
    rotate x * -90
    scale <1, 1, -1>
    texture { Masonry }
  }
  #declare Slab = box {
    <0, 0, 0.7>, <3.35, 0.14, 4.9>
    texture {
      pigment {
        gradient x
        scale 0.24
        color_map {
          [0.0 color rgb <0.20, 0.08, 0.05>]
          [0.2 color rgb <0.46, 0.19, 0.12>]
          [1.0 color rgb <0.36, 0.14, 0.09>]
        }
      }
      normal { gradient x 0.6 scale 0.24 }
      finish { ambient 0.12 diffuse 0.7 }
    }
  }
  object { Slab rotate z * -32.6 translate <-0.1, 5.1, 0> }
  object { Slab scale <-1, 1, 1> rotate z * 32.6 translate <-0.1, 5.1, 0> }
}

// Window light, which flickers a little and periodically.
#declare Glow = 1.0 + 0.12 * sin(2 * pi * clock * 3);
#macro Pane(Left)
  union {
    box {
      <Left, 1.75, 1.28>, <Left + 0.7, 2.65, 1.30>
      pigment { color rgb <1.0, 0.74, 0.32> * Glow }
      finish { ambient 1.1 diffuse 0.1 }
    }
    box { <Left + 0.32, 1.75, 1.20>, <Left + 0.38, 2.65, 1.27> texture { Oak } }
    box { <Left, 2.17, 1.20>, <Left + 0.7, 2.23, 1.27> texture { Oak } }
  }
#end
Pane(1.05)
Pane(-2.05)
light_source {
  <1.4, 2.1, 0.7> color rgb <0.55, 0.33, 0.12> * Glow
  fade_distance 1.2 fade_power 2 shadowless
}

// The race: two walls, the water between them.
union {
  box { <-14, -1.0, 0.78>, <14, 0.36, 1.02> }
  box { <-14, -1.0, -1.02>, <14, 0.36, -0.78> }
  texture { Masonry }
}
plane {
  y, 0.14
  pigment { color rgbf <0.10, 0.24, 0.26, 0.30> }
  normal {
    average
    normal_map {
      [1 waves 0.20 frequency 3.0 phase clock * 2 translate <-7, 0, 0.4>]
      [1 ripples 0.22 frequency 4.0 phase clock * 3 translate <-2, 0, 0.1>]
    }
  }
  finish { ambient 0.03 diffuse 0.35 specular 0.9 roughness 0.004 reflection { 0.15, 0.85 fresnel on } conserve_energy }
  interior { ior 1.33 }
  clipped_by { box { <-14, -1, -0.8>, <14, 1, 0.8> } }
}

// Banks, a hill line far off.
box { <-60, -1.5, -40>, <60, 0.30, -1.02> texture { Grass } }
box { <-200, -1.5, 1.02>, <200, 0.30, 200> texture { Grass } }
plane { y, -0.95 pigment { color rgb <0.10, 0.10, 0.07> } }
#declare Hill = sphere { 0, 1 texture { Grass } finish { ambient 0.2 } }
object { Hill scale <46, 5.5, 12> translate <-52, -1, 64> }
object { Hill scale <50, 6.0, 12> translate <34, -1, 70> }

// Spray where the paddles leave the water: drops on ballistic arcs, each on its own phase.
#declare Seed = seed(24);
#for (I, 1, 90)
  #declare Offset = rand(Seed);
  #declare T = mod(clock * 2 + Offset, 1);
  #declare Speed = 1.1 + 1.3 * rand(Seed);
  #declare Out = -0.35 - 1.05 * rand(Seed);
  #declare Side = -0.5 + 1.0 * rand(Seed);
  #declare Size = 0.012 + 0.022 * rand(Seed);
  sphere {
    <-0.75 + Out * T, 0.14 + Speed * T - 1.9 * T * T, Side>, Size
    pigment { color rgbt <0.92, 0.96, 1.0, 0.25> }
    finish { ambient 0.25 diffuse 0.6 specular 1.0 roughness 0.01 }
  }
#end

// A few poplars along the far bank.
#declare Poplar = union {
  cylinder { <0, 0, 0>, <0, 1.2, 0>, 0.10 texture { Oak } }
  sphere {
    0, 1 scale <0.55, 1.9, 0.55> translate y * 2.6
    pigment { bozo turbulence 0.5 scale 0.3 color_map { [0 color rgb <0.10, 0.22, 0.06>] [1 color rgb <0.27, 0.40, 0.12>] } }
    normal { bumps 0.9 scale 0.10 }
    finish { ambient 0.12 diffuse 0.75 }
  }
}
#for (I, 0, 6)
  object {
    Poplar
    scale 0.85 + 0.3 * rand(Seed)
    rotate z * 1.6 * sin(2 * pi * (clock + I / 7))
    translate <-14 + 1.9 * I - 0.4 * rand(Seed), 0.25, 7.5 + 3 * rand(Seed)>
  }
#end
