<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis styleCategories="Symbology|Labeling" version="3.22.16" labelsEnabled="1">
  <renderer-v2 referencescale="-1" attr="CASE WHEN coalesce(&quot;score&quot; &lt; to_real(nullif(@lspace_least_score, '')), false) OR coalesce(coalesce(&quot;label&quot;, '') &lt;&gt; nullif(@lspace_label, ''), false) OR coalesce(CASE WHEN &quot;status&quot; IN ('accepted', 'rejected') THEN &quot;status&quot; ELSE 'pending' END &lt;&gt; nullif(@lspace_status, ''), false) THEN 'hidden' WHEN &quot;status&quot; IN ('accepted', 'rejected') THEN &quot;status&quot; ELSE 'pending' END" enableorderby="0" symbollevels="0" forceraster="0" type="categorizedSymbol">
    <categories>
      <category render="true" label="accepted" symbol="0" value="accepted"/>
      <category render="true" label="pending" symbol="1" value="pending"/>
      <category render="true" label="rejected" symbol="2" value="rejected"/>
    </categories>
    <symbols>
      <symbol alpha="1" name="0" force_rhr="0" clip_to_extent="1" type="fill">
        <layer class="SimpleLine" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option name="capstyle" type="QString" value="square"/>
            <Option name="joinstyle" type="QString" value="miter"/>
            <Option name="line_color" type="QString" value="16,20,24,190"/>
            <Option name="line_style" type="QString" value="solid"/>
            <Option name="line_width" type="QString" value="1.1"/>
            <Option name="line_width_unit" type="QString" value="MM"/>
          </Option>
        </layer>
        <layer class="SimpleLine" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option name="capstyle" type="QString" value="square"/>
            <Option name="joinstyle" type="QString" value="miter"/>
            <Option name="line_color" type="QString" value="39,232,255,255"/>
            <Option name="line_style" type="QString" value="solid"/>
            <Option name="line_width" type="QString" value="0.6"/>
            <Option name="line_width_unit" type="QString" value="MM"/>
          </Option>
        </layer>
      </symbol>
      <symbol alpha="1" name="1" force_rhr="0" clip_to_extent="1" type="fill">
        <layer class="SimpleLine" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option name="capstyle" type="QString" value="square"/>
            <Option name="joinstyle" type="QString" value="miter"/>
            <Option name="line_color" type="QString" value="16,20,24,150"/>
            <Option name="line_style" type="QString" value="solid"/>
            <Option name="line_width" type="QString" value="1"/>
            <Option name="line_width_unit" type="QString" value="MM"/>
          </Option>
        </layer>
        <layer class="SimpleLine" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option name="capstyle" type="QString" value="flat"/>
            <Option name="customdash" type="QString" value="2.4;1.4"/>
            <Option name="customdash_unit" type="QString" value="MM"/>
            <Option name="joinstyle" type="QString" value="miter"/>
            <Option name="line_color" type="QString" value="255,210,63,255"/>
            <Option name="line_style" type="QString" value="solid"/>
            <Option name="line_width" type="QString" value="0.5"/>
            <Option name="line_width_unit" type="QString" value="MM"/>
            <Option name="use_custom_dash" type="QString" value="1"/>
          </Option>
        </layer>
      </symbol>
      <symbol alpha="1" name="2" force_rhr="0" clip_to_extent="1" type="fill">
        <layer class="SimpleLine" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option name="capstyle" type="QString" value="square"/>
            <Option name="joinstyle" type="QString" value="miter"/>
            <Option name="line_color" type="QString" value="16,20,24,90"/>
            <Option name="line_style" type="QString" value="solid"/>
            <Option name="line_width" type="QString" value="0.6"/>
            <Option name="line_width_unit" type="QString" value="MM"/>
          </Option>
        </layer>
        <layer class="SimpleLine" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option name="capstyle" type="QString" value="flat"/>
            <Option name="customdash" type="QString" value="0.5;1.1"/>
            <Option name="customdash_unit" type="QString" value="MM"/>
            <Option name="joinstyle" type="QString" value="miter"/>
            <Option name="line_color" type="QString" value="242,242,242,210"/>
            <Option name="line_style" type="QString" value="solid"/>
            <Option name="line_width" type="QString" value="0.4"/>
            <Option name="line_width_unit" type="QString" value="MM"/>
            <Option name="use_custom_dash" type="QString" value="1"/>
          </Option>
        </layer>
      </symbol>
    </symbols>
  </renderer-v2>
  <labeling type="simple">
    <settings calloutType="simple">
      <text-style fieldName="CASE WHEN coalesce(&quot;status&quot;, '') &lt;&gt; 'rejected' THEN concat(&quot;label&quot;, ' ' || format_number(&quot;score&quot;, 2)) END" isExpression="1" fontSizeUnit="Point" fontSize="8.5" fontWeight="75" textColor="255,255,255,255" textOpacity="1">
        <text-buffer bufferDraw="1" bufferJoinStyle="128" bufferOpacity="0.85" bufferSizeUnits="MM" bufferColor="16,20,24,255" bufferSize="0.8" bufferNoFill="1"/>
      </text-style>
      <placement offsetUnits="MM" quadOffset="2" geometryGenerator="make_point(x_min($geometry), y_max($geometry))" priority="5" yOffset="-0.6" placement="1" geometryGeneratorEnabled="1" geometryGeneratorType="PointGeometry"/>
      <rendering obstacle="1" drawLabels="1"/>
    </settings>
  </labeling>
  <layerGeometryType>2</layerGeometryType>
</qgis>
